import { ownNumber, ownString } from "../config";
import { checkedSize, describeGroups, expectDtype, expectShape, Inconsistent, type Layout, part, scaleTypeOf } from "./layout";

const widths = [4, 8, 3, 2];

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
    expectShape("qzeros", zeros, groups, zeros.shape[1]);
    const columns = (words * 32) / bits;
    if (!Number.isInteger(columns))
      throw new Inconsistent(`qweight has ${words} words along in, which do not hold whole codes of ${bits} bits`);
    if (order) {
      expectDtype("g_idx", order, "I32");
      expectShape("g_idx", order, columns);
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
};
