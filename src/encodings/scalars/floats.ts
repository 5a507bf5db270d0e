import { EngineError } from "../../core/errors";
import type { FormatName } from "../../core/model";
import type { Encoding } from "../encoding";
import { bf16Bits, bf16Value, f16Bits, f16Table, f32FromBits } from "../half";
import { unpackBits } from "./bits";
import { type SmallFloat, smallFloatEncoder, smallFloats, smallFloatValues } from "./smallFloats";

interface FloatParts {
  readonly name: string;
  readonly label: string;
  readonly description: string;
  readonly bits: number;
  readonly targets?: readonly FormatName[];
  decode(bytes: Uint8Array, count: number, out: Float32Array): void;
  encode?(x: Float32Array, count: number, bytes: Uint8Array): void;
}

/** A float without blocks. Sub-byte elements run on densely over row ends, so `rowBytes` may have a fraction. */
function float(parts: FloatParts): Encoding {
  const { name, label, description, bits, decode, encode } = parts;
  return {
    name,
    label,
    description,
    blockElements: 1,
    planes: [{ name: "data", rowBytes: (columns) => (columns * bits) / 8 }],
    targets: parts.targets ?? [],
    decode: (planes, rows, columns, out) => decode(planes[0], rows * columns, out),
    encode: encode && ((x, rows, columns, planes) => encode(x, rows * columns, planes[0])),
  };
}

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** NaN and infinity pass as they are, but no finite weight may silently become infinite. */
function tooLarge(value: number, label: string, advice: string): EngineError {
  return new EngineError("bad-request", `${label} cannot hold ${value}; ${advice}, or keep this tensor as it is.`);
}

const f32 = float({
  name: "f32",
  label: "F32",
  description: "32-bit IEEE float",
  bits: 32,
  targets: ["safetensors", "gguf", "onnx"],
  decode(bytes, count, out) {
    new Uint8Array(out.buffer, out.byteOffset, count * 4).set(bytes.subarray(0, count * 4));
  },
  encode(x, count, bytes) {
    bytes.set(new Uint8Array(x.buffer, x.byteOffset, count * 4));
  },
});

const f64 = float({
  name: "f64",
  label: "F64",
  description: "64-bit IEEE float, read as 32-bit",
  bits: 64,
  decode(bytes, count, out) {
    const data = view(bytes);
    for (let i = 0; i < count; i++) out[i] = data.getFloat64(i * 8, true);
  },
});

const f16 = float({
  name: "f16",
  label: "F16",
  description: "16-bit IEEE float",
  bits: 16,
  targets: ["safetensors", "gguf", "onnx"],
  decode(bytes, count, out) {
    const words = new Uint32Array(out.buffer, out.byteOffset, count);
    const halves = new Uint32Array(f16Table().buffer); // as words, so that NaN payloads pass untouched
    for (let i = 0; i < count; i++) words[i] = halves[bytes[2 * i] | (bytes[2 * i + 1] << 8)];
  },
  encode(x, count, bytes) {
    for (let i = 0; i < count; i++) {
      const bits = f16Bits(x[i]);
      if ((bits & 0x7fff) === 0x7c00 && Math.abs(x[i]) !== Infinity) throw tooLarge(x[i], "F16", "choose BF16 or F32");
      bytes[2 * i] = bits;
      bytes[2 * i + 1] = bits >> 8;
    }
  },
});

const bf16 = float({
  name: "bf16",
  label: "BF16",
  description: "16-bit float with the exponent range of F32",
  bits: 16,
  targets: ["safetensors", "gguf", "onnx"],
  decode(bytes, count, out) {
    const words = new Uint32Array(out.buffer, out.byteOffset, count);
    for (let i = 0; i < count; i++) words[i] = (bytes[2 * i] << 16) | (bytes[2 * i + 1] << 24);
  },
  encode(x, count, bytes) {
    for (let i = 0; i < count; i++) {
      const bits = bf16Bits(x[i]);
      if ((bits & 0x7fff) === 0x7f80 && Math.abs(x[i]) !== Infinity) throw tooLarge(x[i], "BF16", "choose F32");
      bytes[2 * i] = bits;
      bytes[2 * i + 1] = bits >> 8;
    }
  },
});

function small(name: string, label: string, description: string, format: SmallFloat, targets?: FormatName[]): Encoding {
  const values = smallFloatValues(format);
  const encode = smallFloatEncoder(format);
  const codes = new Uint8Array(4096);
  return float({
    name,
    label,
    description,
    bits: format.bits,
    targets,
    decode(bytes, count, out) {
      for (let from = 0; from < count; from += codes.length) {
        const n = Math.min(codes.length, count - from);
        unpackBits(bytes, format.bits, from, n, codes);
        for (let i = 0; i < n; i++) out[from + i] = values[codes[i]];
      }
    },
    encode: format.bits === 8 ? (x, count, bytes) => {
      for (let i = 0; i < count; i++) bytes[i] = encode(x[i]);
    } : undefined,
  });
}

const e8m0 = float({
  name: "f8_e8m0",
  label: "F8_E8M0",
  description: "8-bit power of two, the scale of MX blocks",
  bits: 8,
  decode(bytes, count, out) {
    for (let i = 0; i < count; i++) out[i] = bytes[i] === 255 ? NaN : f32FromBits(bytes[i] ? bytes[i] << 23 : 0x400000);
  },
});

/** Floats by the names of core's ScalarType. */
export const floats: readonly Encoding[] = [
  f32,
  f64,
  f16,
  bf16,
  small("f8_e4m3", "F8_E4M3", "8-bit float, 4 exponent bits, ±448", smallFloats.f8_e4m3, ["safetensors"]),
  small("f8_e4m3fnuz", "F8_E4M3FNUZ", "8-bit float, 4 exponent bits, ±240, no negative zero", smallFloats.f8_e4m3fnuz),
  small("f8_e5m2", "F8_E5M2", "8-bit float, 5 exponent bits, ±57344", smallFloats.f8_e5m2, ["safetensors"]),
  small("f8_e5m2fnuz", "F8_E5M2FNUZ", "8-bit float, 5 exponent bits, ±57344, no negative zero", smallFloats.f8_e5m2fnuz),
  e8m0,
  small("f6_e2m3", "F6_E2M3", "6-bit float, 2 exponent bits", smallFloats.f6_e2m3),
  small("f6_e3m2", "F6_E3M2", "6-bit float, 3 exponent bits", smallFloats.f6_e3m2),
  small("f4", "F4", "4-bit float (E2M1)", smallFloats.f4),
];

/** Rounds a positive scale to its storage type, as a number. */
export function roundTo(type: "f32" | "f16" | "bf16", value: number): number {
  if (type === "f32") return Math.fround(value);
  return type === "f16" ? f16Table()[f16Bits(value)] : bf16Value(bf16Bits(value));
}
