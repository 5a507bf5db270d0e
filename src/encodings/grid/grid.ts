import type { Encoding, PlaneLayout } from "../encoding";
import { checkFinite } from "../finite";
import { packBits, unpackBits } from "../scalars/bits";
import { type GridOptions, gridName, usualRule } from "./name";
import type { Group } from "./optima";
import { asymmetricScale, roundEven, symmetricScale } from "./scale";
import { getScale, putScale } from "./scalars";

const ceilTo = (value: number, step: number) => Math.ceil(value / step) * step;

/**
 * A uniform integer grid: w = (code − zero) · scale.
 *
 * - `codes`: unsigned, `bits` each, dense from the least significant bit along the row. Each row is padded to whole groups
 *   (one group per row: to whole 32-bit words) with the code of zero. Since a group fills whole words, this is both
 *   MatMulNBits' [row][group][group·bits/8] and, for row lengths that are a multiple of the group, the int32 words of
 *   compressed-tensors.
 * - `scales`: [row][group] of the scale type, little-endian.
 * - `zeros` (asymmetric only): [row][group], one byte each; containers pack them their own way. Symmetric: 2^(bits−1).
 *
 * The scale is rounded to its type before the codes are computed.
 */
export function gridEncoding(options: GridOptions): Encoding {
  const { bits, asymmetric, scaleType, rule } = options;
  const name = gridName(options);
  const groupOf = (columns: number) => options.group || columns;
  const groupsOf = (columns: number) => (options.group ? Math.ceil(columns / options.group) : 1);
  const scaleBytes = scaleType === "f32" ? 4 : 2;
  const middle = 2 ** (bits - 1);
  const top = 2 ** bits - 1;
  const paddedOf = (columns: number) => ceilTo(columns, options.group || 1);
  const planes: PlaneLayout[] = [
    { name: "codes", rowBytes: (columns) => ceilTo((paddedOf(columns) * bits) / 8, 4) },
    { name: "scales", rowBytes: (columns) => groupsOf(columns) * scaleBytes },
  ];
  if (asymmetric) planes.push({ name: "zeros", rowBytes: groupsOf });
  const size = options.group ? `g${options.group}` : "per channel";
  const label = [`INT${bits} ${size}`];
  if (asymmetric) label.push("asym");
  if (scaleType !== "f32") label.push(scaleType.toUpperCase());
  if (rule !== usualRule(options)) label.push(rule);
  const onnx = bits !== 3 && options.group >= 16 && Number.isInteger(Math.log2(options.group));
  return {
    name,
    label: label.join(" "),
    description: `${bits}-bit integers, ${scaleType.toUpperCase()} scale${asymmetric ? " and zero point" : ""} per ${
      options.group ? `${options.group} weights` : "row"}`,
    blockElements: 1,
    planes,
    targets: [...(onnx ? (["onnx"] as const) : []), ...(bits === 4 || bits === 8 ? (["safetensors"] as const) : [])],
    decode(data, rows, columns, out) {
      const group = groupOf(columns);
      const groups = groupsOf(columns);
      const rowBytes = planes[0].rowBytes(columns);
      const codes = new Uint8Array(columns);
      for (let row = 0; row < rows; row++) {
        unpackBits(data[0].subarray(row * rowBytes, (row + 1) * rowBytes), bits, 0, columns, codes);
        for (let g = 0; g < groups; g++) {
          const scale = getScale(data[1], (row * groups + g) * scaleBytes, scaleType);
          const zero = asymmetric ? data[2][row * groups + g] : middle;
          const end = Math.min(columns, (g + 1) * group);
          for (let c = g * group; c < end; c++) out[row * columns + c] = (codes[c] - zero) * scale;
        }
      }
    },
    encode(x, rows, columns, data, importance) {
      checkFinite(x, rows, columns, name);
      const group = groupOf(columns);
      const groups = groupsOf(columns);
      const rowBytes = planes[0].rowBytes(columns);
      const codes = new Uint8Array(Math.floor((rowBytes * 8) / bits));
      data[0].fill(0, 0, rows * rowBytes);
      const part: Group = { x, from: 0, count: 0, importance, channel: 0 };
      for (let row = 0; row < rows; row++) {
        let zero = middle;
        for (let g = 0; g < groups; g++) {
          part.channel = g * group;
          part.from = row * columns + part.channel;
          part.count = Math.min(group, columns - part.channel);
          let scale: number;
          if (asymmetric) {
            ({ scale, zero } = asymmetricScale(part, options));
            data[2][row * groups + g] = zero;
          } else {
            scale = symmetricScale(part, options);
          }
          putScale(data[1], (row * groups + g) * scaleBytes, scaleType, scale);
          for (let i = 0; i < part.count; i++) {
            codes[part.channel + i] = Math.max(0, Math.min(top, roundEven(Math.fround(x[part.from + i] / scale)) + zero));
          }
        }
        codes.fill(zero, columns);
        packBits(codes, bits, codes.length, data[0], row * rowBytes);
      }
    },
  };
}
