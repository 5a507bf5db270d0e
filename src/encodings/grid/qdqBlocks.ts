import type { Encoding, PlaneLayout } from "../encoding";
import { checkFinite } from "../finite";
import { unpackBits } from "../scalars/bits";
import { gridEncoding } from "./grid";
import { gridName, parseGridName } from "./name";
import { getScale } from "./scalars";

const pattern = /^int([48])-qdq-(g\d+(-asym)?)$/;

/**
 * The codes and zero points of ONNX's blockwise DequantizeLinear (operator set 21): "int4-qdq-g32", "int4-qdq-g32-asym",
 * "int8-qdq-g32". Undefined for other names. All planes are dense, [row][…] without padding, as ONNX stores tensors of 4 bits: two per byte, the
 * first in the low half, running on over row ends.
 *
 * - `codes`: INT4 or INT8 in two's complement, around 0; asymmetric: UINT4 or UINT8.
 * - `scales`: f32 [row][group], positive: TensorRT refuses others ("Scale coefficients must all be positive"). The last group of a
 *   row may be short.
 * - `zeros` (asymmetric only): [row][group] in the type of the codes.
 */
export function qdqBlocksEncoding(name: string): Encoding | undefined {
  const [, bitsText, group, asym] = pattern.exec(name) ?? [];
  const options = bitsText ? parseGridName(`int${bitsText}-${group}`) : undefined;
  if (!options) return undefined;
  const { bits, asymmetric } = options;
  const grid = gridEncoding({ ...options, positive: true });
  const groupsOf = (columns: number) => Math.ceil(columns / options.group);
  const planes: PlaneLayout[] = [
    { name: "codes", rowBytes: (columns) => (columns * bits) / 8 },
    { name: "scales", rowBytes: (columns) => groupsOf(columns) * 4 },
  ];
  if (asymmetric) planes.push({ name: "zeros", rowBytes: (columns) => (groupsOf(columns) * bits) / 8 });
  const middle = 2 ** (bits - 1);
  return {
    name: gridName(options).replace("-", "-qdq-"),
    label: `INT${bits} QDQ g${options.group}${asym ? " asym" : ""}`,
    description: `${bits}-bit integers of blockwise DequantizeLinear, F32 scale${asym ? " and zero point" : ""} per ${options.group} weights`,
    blockElements: 1,
    planes,
    targets: ["onnx"],
    decode(data, rows, columns, out) {
      const groups = groupsOf(columns);
      const codes = new Uint8Array(columns);
      const zeros = new Uint8Array(groups);
      for (let row = 0; row < rows; row++) {
        unpackBits(data[0], bits, row * columns, columns, codes);
        if (asymmetric) unpackBits(data[2], bits, row * groups, groups, zeros);
        for (let g = 0; g < groups; g++) {
          const scale = getScale(data[1], (row * groups + g) * 4, "f32");
          const end = Math.min(columns, (g + 1) * options.group);
          for (let c = g * options.group; c < end; c++) {
            // Flipping the top bit turns two's complement into the unsigned code around 2^(bits−1).
            const level = asymmetric ? codes[c] - zeros[g] : (codes[c] ^ middle) - middle;
            out[row * columns + c] = level * scale;
          }
        }
      }
    },
    encode(x, rows, columns, data, importance) {
      checkFinite(x, rows, columns, name);
      const groups = groupsOf(columns);
      const parts = grid.planes.map((plane) => new Uint8Array(plane.rowBytes(columns)));
      const codes = new Uint8Array(columns);
      data[0].fill(0, 0, Math.ceil((rows * columns * bits) / 8));
      if (asymmetric) data[2].fill(0, 0, Math.ceil((rows * groups * bits) / 8));
      for (let row = 0; row < rows; row++) {
        grid.encode!(x.subarray(row * columns, (row + 1) * columns), 1, columns, parts, importance);
        unpackBits(parts[0], bits, 0, columns, codes);
        if (!asymmetric) for (let c = 0; c < columns; c++) codes[c] ^= middle;
        append(codes, bits, row * columns, data[0]);
        data[1].set(parts[1], row * groups * 4);
        if (asymmetric) append(parts[2], bits, row * groups, data[2]);
      }
    },
  };
}

/** Writes codes of 4 or 8 bits from element `from` of `bytes` on, which must be zero there. */
function append(codes: Uint8Array, bits: number, from: number, bytes: Uint8Array): void {
  if (bits === 8) bytes.set(codes, from);
  else for (let i = 0; i < codes.length; i++) bytes[(from + i) >> 1] |= codes[i] << (4 * ((from + i) & 1));
}

/** Shown in lists. */
export const commonQdqBlocks = ["int4-qdq-g32", "int4-qdq-g32-asym", "int8-qdq-g32"].map((name) => qdqBlocksEncoding(name)!);
