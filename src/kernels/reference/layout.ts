import type { Address } from "../address";
import type { Views } from "./views";

export function transpose(
  { u32, word }: Views,
  source: Address,
  rows: number,
  columns: number,
  sourceStride: number,
  target: Address,
  targetStride: number,
): void {
  const from = word(source);
  const to = word(target);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) u32[to + c * targetStride + r] = u32[from + r * sourceStride + c];
}

export function squaredDifference({ f32, word }: Views, a: Address, b: Address, count: number): number {
  const from = word(a);
  const to = word(b);
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const d = f32[from + i] - f32[to + i];
    sum += d * d;
  }
  return sum;
}
