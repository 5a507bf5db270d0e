import { bf16Bits, bf16Value, f16Bits, f16Value } from "../half";
import type { GridOptions } from "./name";

const word = new Uint32Array(1);
const real = new Float32Array(word.buffer);

/** The scale at byte `at`. */
export function getScale(bytes: Uint8Array, at: number, type: GridOptions["scaleType"]): number {
  const low = bytes[at] | (bytes[at + 1] << 8);
  if (type === "f16") return f16Value(low);
  if (type === "bf16") return bf16Value(low);
  word[0] = low | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
  return real[0];
}

export function putScale(bytes: Uint8Array, at: number, type: GridOptions["scaleType"], scale: number): void {
  real[0] = scale;
  const bits = type === "f32" ? word[0] : type === "f16" ? f16Bits(scale) : bf16Bits(scale);
  bytes[at] = bits;
  bytes[at + 1] = bits >> 8;
  if (type !== "f32") return;
  bytes[at + 2] = bits >> 16;
  bytes[at + 3] = bits >> 24;
}
