import type { Plain } from "./views";

export const transpose: Plain<"transpose"> = ({ u32, word }) => (source, rows, columns, sourceStride, target, targetStride) => {
  const from = word(source);
  const to = word(target);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) u32[to + c * targetStride + r] = u32[from + r * sourceStride + c];
};

export const squaredDifference: Plain<"squaredDifference"> = ({ f32, word }) => (a, b, count) => {
  const from = word(a);
  const to = word(b);
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const d = f32[from + i] - f32[to + i];
    sum += d * d;
  }
  return sum;
};
