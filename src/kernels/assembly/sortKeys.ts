// Sorting 32-bit keys in vectors: columns of eight, then merges.

/** Above every key; what the places up to the next power of two are filled with. */
export const PAD: i32 = 0x7f800000;

/** Sorts n positive i32 keys. The array has room up to the next power of two, at least 32. */
export function sortKeys(keys: usize, n: u32): void {
  let size: u32 = 32;
  while (size < n) size <<= 1;
  for (let i = n; i < size && (i & 3); i++) store<i32>(keys + ((i as usize) << 2), PAD);
  for (let i = (n + 3) & ~3; i < size; i += 4) v128.store(keys + ((i as usize) << 2), i32x4.splat(PAD));
  const used = (n as usize) << 2;
  const bytes = (size as usize) << 2;
  for (let at: usize = 0; at < used; at += 128) sort32(keys + at);
  for (let run: usize = 128; run < bytes; run <<= 1) {
    for (let at: usize = 0; at + run < used; at += 2 * run) merge(keys + at, 2 * run);
  }
}

/** Two sorted halves of `bytes` bytes into one. */
function merge(keys: usize, bytes: usize): void {
  // The second half backwards: then halves, quarters, … are compared element by element.
  for (let low = keys, high = keys + bytes - 16; low < high; low += 16, high -= 16) {
    const a = v128.load(low);
    const b = v128.load(high);
    const r = v128.shuffle<i32>(b, b, 3, 2, 1, 0);
    const m = i32x4.max_s(a, r);
    v128.store(low, i32x4.min_s(a, r));
    v128.store(high, v128.shuffle<i32>(m, m, 3, 2, 1, 0));
  }
  const end = keys + bytes;
  for (let distance = bytes >> 2; distance >= 16; distance >>= 1) {
    for (let block = keys; block < end; block += 2 * distance) {
      for (let at = block; at < block + distance; at += 16) {
        const a = v128.load(at);
        const b = v128.load(at + distance);
        v128.store(at, i32x4.min_s(a, b));
        v128.store(at + distance, i32x4.max_s(a, b));
      }
    }
  }
  for (let at = keys; at < end; at += 16) v128.store(at, within(v128.load(at)));
}

/** Sorts a bitonic vector. */
// @ts-ignore: decorator
@inline
function within(v: v128): v128 {
  let s = v128.shuffle<i32>(v, v, 2, 3, 0, 1);
  v = v128.shuffle<i32>(i32x4.min_s(v, s), i32x4.max_s(v, s), 0, 1, 6, 7);
  s = v128.shuffle<i32>(v, v, 1, 0, 3, 2);
  return v128.shuffle<i32>(i32x4.min_s(v, s), i32x4.max_s(v, s), 0, 5, 2, 7);
}

/** Sorts 32 keys. */
function sort32(keys: usize): void {
  let v0 = v128.load(keys);
  let v1 = v128.load(keys, 16);
  let v2 = v128.load(keys, 32);
  let v3 = v128.load(keys, 48);
  let v4 = v128.load(keys, 64);
  let v5 = v128.load(keys, 80);
  let v6 = v128.load(keys, 96);
  let v7 = v128.load(keys, 112);
  let m: v128;
  m = i32x4.max_s(v0, v2);
  v0 = i32x4.min_s(v0, v2);
  v2 = m;
  m = i32x4.max_s(v1, v3);
  v1 = i32x4.min_s(v1, v3);
  v3 = m;
  m = i32x4.max_s(v4, v6);
  v4 = i32x4.min_s(v4, v6);
  v6 = m;
  m = i32x4.max_s(v5, v7);
  v5 = i32x4.min_s(v5, v7);
  v7 = m;
  m = i32x4.max_s(v0, v4);
  v0 = i32x4.min_s(v0, v4);
  v4 = m;
  m = i32x4.max_s(v1, v5);
  v1 = i32x4.min_s(v1, v5);
  v5 = m;
  m = i32x4.max_s(v2, v6);
  v2 = i32x4.min_s(v2, v6);
  v6 = m;
  m = i32x4.max_s(v3, v7);
  v3 = i32x4.min_s(v3, v7);
  v7 = m;
  m = i32x4.max_s(v0, v1);
  v0 = i32x4.min_s(v0, v1);
  v1 = m;
  m = i32x4.max_s(v2, v3);
  v2 = i32x4.min_s(v2, v3);
  v3 = m;
  m = i32x4.max_s(v4, v5);
  v4 = i32x4.min_s(v4, v5);
  v5 = m;
  m = i32x4.max_s(v6, v7);
  v6 = i32x4.min_s(v6, v7);
  v7 = m;
  m = i32x4.max_s(v2, v4);
  v2 = i32x4.min_s(v2, v4);
  v4 = m;
  m = i32x4.max_s(v3, v5);
  v3 = i32x4.min_s(v3, v5);
  v5 = m;
  m = i32x4.max_s(v1, v4);
  v1 = i32x4.min_s(v1, v4);
  v4 = m;
  m = i32x4.max_s(v3, v6);
  v3 = i32x4.min_s(v3, v6);
  v6 = m;
  m = i32x4.max_s(v1, v2);
  v1 = i32x4.min_s(v1, v2);
  v2 = m;
  m = i32x4.max_s(v3, v4);
  v3 = i32x4.min_s(v3, v4);
  v4 = m;
  m = i32x4.max_s(v5, v6);
  v5 = i32x4.min_s(v5, v6);
  v6 = m;
  // Each lane is a run of eight: turned, so that v0 and v4 hold the first run, v1 and v5 the second, and so on.
  let ab0 = v128.shuffle<i32>(v0, v1, 0, 4, 1, 5);
  let ab1 = v128.shuffle<i32>(v0, v1, 2, 6, 3, 7);
  let cd0 = v128.shuffle<i32>(v2, v3, 0, 4, 1, 5);
  let cd1 = v128.shuffle<i32>(v2, v3, 2, 6, 3, 7);
  v0 = v128.shuffle<i64>(ab0, cd0, 0, 2);
  v1 = v128.shuffle<i64>(ab0, cd0, 1, 3);
  v2 = v128.shuffle<i64>(ab1, cd1, 0, 2);
  v3 = v128.shuffle<i64>(ab1, cd1, 1, 3);
  ab0 = v128.shuffle<i32>(v4, v5, 0, 4, 1, 5);
  ab1 = v128.shuffle<i32>(v4, v5, 2, 6, 3, 7);
  cd0 = v128.shuffle<i32>(v6, v7, 0, 4, 1, 5);
  cd1 = v128.shuffle<i32>(v6, v7, 2, 6, 3, 7);
  v4 = v128.shuffle<i64>(ab0, cd0, 0, 2);
  v5 = v128.shuffle<i64>(ab0, cd0, 1, 3);
  v6 = v128.shuffle<i64>(ab1, cd1, 0, 2);
  v7 = v128.shuffle<i64>(ab1, cd1, 1, 3);
  // Runs of eight to runs of sixteen, and those to one.
  v1 = backwards(v1);
  v5 = backwards(v5);
  m = i32x4.max_s(v0, v5);
  v0 = i32x4.min_s(v0, v5);
  v5 = m;
  m = i32x4.max_s(v4, v1);
  v4 = i32x4.min_s(v4, v1);
  v1 = m;
  m = i32x4.max_s(v0, v4);
  v0 = i32x4.min_s(v0, v4);
  v4 = m;
  m = i32x4.max_s(v5, v1);
  v5 = i32x4.min_s(v5, v1);
  v1 = m;
  v0 = within(v0);
  v4 = within(v4);
  v5 = within(v5);
  v1 = within(v1);
  v3 = backwards(v3);
  v7 = backwards(v7);
  m = i32x4.max_s(v2, v7);
  v2 = i32x4.min_s(v2, v7);
  v7 = m;
  m = i32x4.max_s(v6, v3);
  v6 = i32x4.min_s(v6, v3);
  v3 = m;
  m = i32x4.max_s(v2, v6);
  v2 = i32x4.min_s(v2, v6);
  v6 = m;
  m = i32x4.max_s(v7, v3);
  v7 = i32x4.min_s(v7, v3);
  v3 = m;
  v2 = within(v2);
  v6 = within(v6);
  v7 = within(v7);
  v3 = within(v3);
  v2 = backwards(v2);
  v6 = backwards(v6);
  v7 = backwards(v7);
  v3 = backwards(v3);
  m = i32x4.max_s(v0, v3);
  v0 = i32x4.min_s(v0, v3);
  v3 = m;
  m = i32x4.max_s(v4, v7);
  v4 = i32x4.min_s(v4, v7);
  v7 = m;
  m = i32x4.max_s(v5, v6);
  v5 = i32x4.min_s(v5, v6);
  v6 = m;
  m = i32x4.max_s(v1, v2);
  v1 = i32x4.min_s(v1, v2);
  v2 = m;
  m = i32x4.max_s(v0, v5);
  v0 = i32x4.min_s(v0, v5);
  v5 = m;
  m = i32x4.max_s(v4, v1);
  v4 = i32x4.min_s(v4, v1);
  v1 = m;
  m = i32x4.max_s(v3, v6);
  v3 = i32x4.min_s(v3, v6);
  v6 = m;
  m = i32x4.max_s(v7, v2);
  v7 = i32x4.min_s(v7, v2);
  v2 = m;
  m = i32x4.max_s(v0, v4);
  v0 = i32x4.min_s(v0, v4);
  v4 = m;
  m = i32x4.max_s(v5, v1);
  v5 = i32x4.min_s(v5, v1);
  v1 = m;
  m = i32x4.max_s(v3, v7);
  v3 = i32x4.min_s(v3, v7);
  v7 = m;
  m = i32x4.max_s(v6, v2);
  v6 = i32x4.min_s(v6, v2);
  v2 = m;
  v0 = within(v0);
  v4 = within(v4);
  v5 = within(v5);
  v1 = within(v1);
  v3 = within(v3);
  v7 = within(v7);
  v6 = within(v6);
  v2 = within(v2);
  v128.store(keys, v0);
  v128.store(keys, v4, 16);
  v128.store(keys, v5, 32);
  v128.store(keys, v1, 48);
  v128.store(keys, v3, 64);
  v128.store(keys, v7, 80);
  v128.store(keys, v6, 96);
  v128.store(keys, v2, 112);
}

// @ts-ignore: decorator
@inline
function backwards(v: v128): v128 {
  return v128.shuffle<i32>(v, v, 3, 2, 1, 0);
}
