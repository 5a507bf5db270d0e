import type { Plain } from "./views";

export const distribute: Plain<"distribute"> = ({ f32, u32, word }) => (x, count, scale, leastNegative, low, high, counts) => {
  const from = word(x);
  const to = word(counts);
  let outside = 0;
  for (let i = from; i < from + count; i++) {
    const v = f32[i];
    if (v < low || v > high) outside++;
    const u = v < 0 ? Math.min(v, leastNegative) : v;
    u32[to + 4 * (Math.floor(u * scale + (4096 + 128)) - 4096)]++;
  }
  return outside;
};
