import { checkedSize, describeGroups, expectDtype, expectShape, Inconsistent, type Layout, part, scaleTypeOf } from "./layout";
import { checkFit } from "./parts";

/** Shapes of the three tensors. */
const shapes = ({ rows, columns, groups }: { rows: number; columns: number; groups: number }) => ({
  qweight: [columns, rows / 8],
  qzeros: [groups, rows / 8],
  scales: [groups, rows],
});

/**
 * AWQ (GEMM): `qweight` int32 [in, out/8], `qzeros` int32 [groups, out/8], `scales` [groups, out]; 4 bits, the eight columns of
 * a word in the order 0 2 4 6 1 3 5 7.
 */
export const awq: Layout = {
  key: "qweight",
  companions: ["qzeros", "scales"],
  matches: (parts) => {
    const [codes, scales] = [parts.get("qweight")!, parts.get("scales")];
    return (
      codes.dtype === "I32" && codes.shape.length === 2 && scales?.shape.length === 2 && codes.shape[1] * 8 === scales.shape[1]
    );
  },
  describe(input) {
    const codes = part(input, "qweight", 2);
    const scales = part(input, "scales", 2);
    const zeros = part(input, "qzeros", 2);
    const [columns, words] = codes.shape;
    const rows = words * 8;
    const groups = scales.shape[0];
    const expected = shapes({ rows, columns, groups });
    expectShape("scales", scales, ...expected.scales);
    expectDtype("qzeros", zeros, "I32");
    expectShape("qzeros", zeros, ...expected.qzeros);
    if (groups === 0 || columns % groups !== 0) throw new Inconsistent(`${groups} groups do not divide ${columns} columns`);
    checkedSize(rows, columns);
    const columnsPerScale = groups === 1 ? 0 : columns / groups;
    return {
      shape: [rows, columns],
      label: `INT4 ${describeGroups({ rowsPerScale: 1, columnsPerScale })}`,
      planes: ["qweight", "scales", "qzeros"],
      affine: {
        bits: 4,
        signed: false,
        storedOffset: 0,
        packing: "awq",
        codeOrder: "in-out",
        codeRowBytes: words * 4,
        rowsPerScale: 1,
        columnsPerScale,
        scaleType: scaleTypeOf("scales", scales),
        scaleRowStride: 1,
        scaleColumnStride: rows,
        zeroPoint: 0,
        zeros: {
          bits: 4,
          signed: false,
          storedOffset: 0,
          packing: "awq",
          rowStride: 1,
          columnStride: rows,
          packedRowElements: rows,
          packedRowBytes: words * 4,
        },
      },
    };
  },
  parts(input) {
    checkFit(input);
    const { scheme, rows, columns } = input;
    const { qweight, qzeros, scales } = shapes({ rows, columns, groups: scheme.group ? columns / scheme.group : 1 });
    return [
      { name: "qweight", dtype: "I32", shape: qweight, content: { plane: 0, arrangement: "awq-codes" } },
      { name: "qzeros", dtype: "I32", shape: qzeros, content: { plane: 2, arrangement: "awq-zeros" } },
      { name: "scales", dtype: "F16", shape: scales, content: { plane: 1, arrangement: "transpose-2-bytes" } },
    ];
  },
};
