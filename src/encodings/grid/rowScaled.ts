import type { Encoding } from "../encoding";
import { checkFinite } from "../finite";
import { smallFloatEncoder, smallFloats, smallFloatValues } from "../scalars/smallFloats";
import type { GridOptions } from "./name";
import { getScale, putScale } from "./scalars";
import { roundEven, storedScale } from "./scale";

/** One byte per weight and one scale per row, max|x| mapped to the largest code. */
interface RowCodes {
  readonly name: string;
  readonly label: string;
  readonly description: string;
  readonly targets: Encoding["targets"];
  readonly largest: number;
  /** The code of x/scale, and what each code stands for. */
  encode(value: number): number;
  readonly values: Float32Array;
}

const float8 = smallFloatValues(smallFloats.f8_e4m3);
const encodeFloat8 = smallFloatEncoder(smallFloats.f8_e4m3);

const kinds: readonly RowCodes[] = [
  {
    // ONNX's DequantizeLinear with zero point 0, and compressed-tensors' int-quantized. −128 stays unused.
    name: "int8-qdq",
    label: "INT8 per channel QDQ",
    description: "signed 8-bit integers",
    targets: ["onnx", "safetensors"],
    largest: 127,
    encode: (value) => Math.max(-127, Math.min(127, roundEven(value))),
    values: Float32Array.from({ length: 256 }, (_, code) => (code << 24) >> 24),
  },
  {
    // compressed-tensors' float-quantized.
    name: "f8-channel",
    label: "F8_E4M3 per channel",
    description: "8-bit floats (E4M3)",
    targets: ["safetensors"],
    largest: 448,
    encode: encodeFloat8,
    values: float8,
  },
];

/** In f32 nothing can overflow: the largest code gives back the largest weight. Rounded to 16 bits it could. */
function rowScale(scale: number, type: GridOptions["scaleType"]): number {
  return type === "f32" ? Math.max(2 ** -149, scale) : storedScale({ bits: 9, scaleType: type }, scale);
}

const pattern = /^(int8-qdq|f8-channel)(?:-(f32|f16|bf16))?$/;

/** "int8-qdq", "int8-qdq-bf16", "f8-channel-bf16"; f32 scales unless the name says otherwise. Undefined for other names. */
export function rowScaledEncoding(name: string): Encoding | undefined {
  const match = pattern.exec(name);
  if (!match) return undefined;
  const scaleType = (match[2] ?? "f32") as GridOptions["scaleType"];
  const { largest, encode, values, ...kind } = kinds.find((k) => k.name === match[1])!;
  const suffix = scaleType === "f32" ? "" : `-${scaleType}`;
  const scaleBytes = scaleType === "f32" ? 4 : 2;
  return {
    ...kind,
    name: kind.name + suffix,
    label: kind.label + (suffix && ` ${scaleType.toUpperCase()}`),
    description: `${kind.description}, ${scaleType.toUpperCase()} scale per row`,
    blockElements: 1,
    planes: [
      { name: "codes", rowBytes: (columns) => columns },
      { name: "scales", rowBytes: () => scaleBytes },
    ],
    decode([codes, scales], rows, columns, out) {
      for (let row = 0; row < rows; row++) {
        const scale = getScale(scales, row * scaleBytes, scaleType);
        for (let i = row * columns; i < (row + 1) * columns; i++) out[i] = values[codes[i]] * scale;
      }
    },
    encode(x, rows, columns, [codes, scales]) {
      checkFinite(x, rows, columns, kind.name);
      for (let row = 0; row < rows; row++) {
        const end = (row + 1) * columns;
        let absmax = 0;
        for (let i = row * columns; i < end; i++) absmax = Math.max(absmax, Math.abs(x[i]));
        const scale = absmax === 0 ? 1 : rowScale(Math.fround(absmax / largest), scaleType);
        putScale(scales, row * scaleBytes, scaleType, scale);
        for (let i = row * columns; i < end; i++) codes[i] = encode(Math.fround(x[i] / scale));
      }
    },
  };
}
