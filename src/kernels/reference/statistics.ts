import type { Plain } from "./views";

const MAGNITUDE = 0x7fffffff;
const INFINITE = 0x7f800000;

export const scan: Plain<"scan"> = ({ f32, u32, word }) => (x, count, out) => {
  let low = Infinity;
  let high = -Infinity;
  let zeros = 0;
  let largest = 0;
  const from = word(x);
  for (let i = from; i < from + count; i++) {
    const v = f32[i];
    if (v < low) low = v;
    if (v > high) high = v;
    if (v === 0) zeros++;
    largest = Math.max(largest, u32[i] & MAGNITUDE);
  }
  const o = word(out);
  f32[o] = low;
  f32[o + 1] = high;
  u32[o + 2] = zeros;
  u32[o + 3] = largest;
};

export const scrub: Plain<"scrub"> = ({ f32, u32, word }) => (source, count, target, fill, out) => {
  let low = Infinity;
  let high = -Infinity;
  let zeros = 0;
  let largest = 0;
  let nans = 0;
  let infinities = 0;
  const from = word(source);
  const to = word(target);
  for (let i = 0; i < count; i++) {
    const v = f32[from + i];
    const bits = u32[from + i] & MAGNITUDE;
    if (bits < INFINITE) {
      if (v < low) low = v;
      if (v > high) high = v;
      if (v === 0) zeros++;
      largest = Math.max(largest, bits);
      f32[to + i] = v;
    } else {
      if (bits === INFINITE) infinities++;
      else nans++;
      f32[to + i] = fill;
    }
  }
  const o = word(out);
  f32[o] = low;
  f32[o + 1] = high;
  u32[o + 2] = zeros;
  u32[o + 3] = largest;
  u32[o + 4] = nans;
  u32[o + 5] = infinities;
};

export const accumulate: Plain<"accumulate"> = ({ f32, u32, f64, word, long }) => (
  x, rows, columns, rowBits, rowSquares, columnBits, columnSquares, logCounts, sums,
) => {
  const cb = word(columnBits);
  const cs = long(columnSquares);
  const counts = word(logCounts);
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let s4 = 0;
  let at = word(x);
  for (let r = 0; r < rows; r++) {
    let largest = 0;
    let squares = 0;
    for (let c = 0; c < columns; c++, at++) {
      const v = f32[at];
      const bits = u32[at];
      const magnitude = bits & MAGNITUDE;
      if (magnitude > largest) largest = magnitude;
      if (magnitude > u32[cb + c]) u32[cb + c] = magnitude;
      const q = v * v;
      f64[cs + c] += q;
      squares += q;
      s1 += v;
      s3 += q * v;
      s4 += q * q;
      u32[counts + 4 * (bits >>> 20)]++;
    }
    u32[word(rowBits) + r] = largest;
    f64[long(rowSquares) + r] = squares;
    s2 += squares;
  }
  f64.set([s1, s2, s3, s4], long(sums));
};

export const centred: Plain<"centred"> = ({ f32, f64, word, long }) => (x, count, pivot, sums) => {
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let s4 = 0;
  const from = word(x);
  for (let i = from; i < from + count; i++) {
    const d = f32[i] - pivot;
    const q = d * d;
    s1 += d;
    s2 += q;
    s3 += q * d;
    s4 += q * q;
  }
  f64.set([s1, s2, s3, s4], long(sums));
};

export const pool: Plain<"pool"> = ({ u32, word }) => (columnBits, totalBits, columns, start, total, heat, width) => {
  const from = word(columnBits);
  const to = word(totalBits);
  const cells = word(heat);
  let cell = 0;
  for (let c = 0; c < columns; c++) {
    const bits = u32[from + c];
    u32[from + c] = 0;
    u32[to + c] = Math.max(u32[to + c], bits);
    while (cell + 1 < width && Math.floor(((cell + 1) * total) / width) <= start + c) cell++;
    if (width > 0) u32[cells + cell] = Math.max(u32[cells + cell], bits);
  }
};
