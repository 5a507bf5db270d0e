import { ownNumber, ownString } from "../config";
import { checkedSize, describeGroups, expectDtype, expectShape, Inconsistent, type Layout, part, scaleTypeOf } from "./layout";
import { checkFit } from "./parts";

const widths = [4, 8, 3, 2];

interface Sizes {
  readonly rows: number;
  readonly columns: number;
  readonly bits: number;
  readonly groups: number;
}

/** Shapes of the four tensors. */
const shapes = ({ rows, columns, bits, groups }: Sizes) => ({
  qweight: [(columns * bits) / 32, rows],
  qzeros: [groups, Math.ceil((rows * bits) / 32)],
  scales: [groups, rows],
  g_idx: [columns],
});

/**
 * GPTQ: `qweight` int32 [in·bits/32, out], packed along in from the lowest bits; `qzeros` int32 [groups, out·bits/32], packed
 * along out; `scales` [groups, out]; `g_idx` int32 [in]. The first version stores zero points less one.
 */
export const gptq: Layout = {
  key: "qweight",
  companions: ["qzeros", "scales", "g_idx"],
  matches: (parts) => {
    const [codes, scales] = [parts.get("qweight")!, parts.get("scales")];
    return codes.dtype === "I32" && codes.shape.length === 2 && scales?.shape.length === 2 && codes.shape[1] === scales.shape[1];
  },
  describe(input) {
    const codes = part(input, "qweight", 2);
    const scales = part(input, "scales", 2);
    const zeros = part(input, "qzeros", 2);
    const [words, rows] = codes.shape;
    const groups = scales.shape[0];
    const order = input.parts.get("g_idx");
    expectDtype("qzeros", zeros, "I32");
    const configured = ownNumber(input.quantization, "bits");
    const bits = [...(configured ? [configured] : []), ...widths].find(
      (b) => b <= 8 && zeros.shape[1] === Math.ceil((rows * b) / 32),
    );
    if (bits === undefined) throw new Inconsistent(`qzeros has ${zeros.shape[1]} words for ${rows} rows`);
    const columns = (words * 32) / bits;
    const expected = shapes({ rows, columns, bits, groups });
    expectShape("qzeros", zeros, ...expected.qzeros);
    if (!Number.isInteger(columns))
      throw new Inconsistent(`qweight has ${words} words along in, which do not hold whole codes of ${bits} bits`);
    if (order) {
      expectDtype("g_idx", order, "I32");
      expectShape("g_idx", order, ...expected.g_idx);
    }
    if (groups === 0 || (columns % groups !== 0 && !order))
      throw new Inconsistent(`${groups} groups do not divide ${columns} columns`);
    checkedSize(rows, columns);
    const columnsPerScale = groups === 1 ? 0 : Math.ceil(columns / groups);
    const format = ownString(input.quantization, "checkpoint_format");
    const second = format === "gptq_v2" || input.method === "gptq_v2";
    return {
      shape: [rows, columns],
      label: `INT${bits} ${describeGroups({ rowsPerScale: 1, columnsPerScale })}`,
      planes: ["qweight", "scales", "qzeros", ...(order ? ["g_idx"] : [])],
      affine: {
        bits,
        signed: false,
        storedOffset: 0,
        packing: "lsb",
        codeOrder: "in-packed-out",
        codeRowBytes: rows * 4,
        rowsPerScale: 1,
        columnsPerScale,
        scaleType: scaleTypeOf("scales", scales),
        scaleRowStride: 1,
        scaleColumnStride: rows,
        zeroPoint: 0,
        zeros: {
          bits,
          signed: false,
          storedOffset: second ? 0 : 1,
          packing: "lsb",
          rowStride: 1,
          columnStride: rows,
          packedRowElements: rows,
          packedRowBytes: zeros.shape[1] * 4,
        },
      },
    };
  },
  /** Rounded to nearest, so the index is in order. The first version stores zero points less one. */
  parts(input) {
    checkFit(input);
    const { scheme, rows, columns, constants } = input;
    const { bits, group, method, asymmetric } = scheme;
    const groups = group ? columns / group : 1;
    const { qweight, qzeros, scales, g_idx } = shapes({ rows, columns, bits, groups });
    // All fields of a symmetric weight's zero points are alike, which makes all bytes alike.
    const middle = 2 ** (bits - 1) - (method === "gptq_v2" ? 0 : 1);
    const zeros = asymmetric
      ? ({ plane: 2, arrangement: bits === 4 ? "pack-4-bit-zeros-by-group" : "pack-8-bit-zeros-by-group" } as const)
      : { bytes: constants.repeated(bits === 4 ? middle * 17 : middle, 4 * qzeros[0] * qzeros[1]) };
    return [
      { name: "qweight", dtype: "I32", shape: qweight, content: { plane: 0, arrangement: "transpose-4-bytes" } },
      { name: "qzeros", dtype: "I32", shape: qzeros, content: zeros },
      { name: "scales", dtype: "F16", shape: scales, content: { plane: 1, arrangement: "transpose-2-bytes" } },
      { name: "g_idx", dtype: "I32", shape: g_idx, content: { bytes: constants.groupIndex(columns, group) } },
    ];
  },
};
