/**
 * The pyramid codebook P(N,K) = {y ∈ Z^N : Σ|y_i| = K} and its enumeration, named "bitlens-pyramid-1" in files.
 *
 * Enumeration: coordinates first to last; values in the order 0, +1, −1, +2, −2, …; a codeword's index is the number of
 * codewords before it. With `r` coordinates and `k` pulses left, V(r,k) codewords start with 0 and V(r,k−m) with each of ±m.
 */

/** Largest N and K that tables are built for: 257 · 1025 entries at most. */
export const maximumDimension = 256;
export const maximumPulses = 1024;

/** V(N,K), the number of codewords. */
export function codewordCount(n: number, k: number): bigint {
  return pyramidCodebook(n, k).count;
}

const codebooks = new Map<string, PyramidCodebook>();

/** The (cached) codebook P(n,k), 1 ≤ n ≤ 256, 1 ≤ k ≤ 1024; RangeError outside. */
export function pyramidCodebook(n: number, k: number): PyramidCodebook {
  const key = `${n},${k}`;
  let codebook = codebooks.get(key);
  if (!codebook) {
    codebook = new PyramidCodebook(n, k);
    codebooks.set(key, codebook);
  }
  return codebook;
}

export class PyramidCodebook {
  /** V(N,K). */
  readonly count: bigint;
  /** ⌈log2 V⌉. */
  readonly indexBits: number;
  /** All indices are below 2^53: `encode` and `decode` work; otherwise only their bigint forms do. */
  readonly numeric: boolean;
  /** V(r,j) and its sums over j' ≤ j, at r·(K+1) + j. */
  readonly #big: bigint[];
  readonly #bigSums: bigint[];
  readonly #small: Float64Array;
  readonly #smallSums: Float64Array;

  constructor(
    readonly n: number,
    readonly k: number,
  ) {
    if (!Number.isInteger(n) || n < 1 || n > maximumDimension)
      throw new RangeError(`dimension ${n} is not in 1…${maximumDimension}`);
    if (!Number.isInteger(k) || k < 1 || k > maximumPulses) throw new RangeError(`pulse count ${k} is not in 1…${maximumPulses}`);
    const width = k + 1;
    const table = new Array<bigint>((n + 1) * width).fill(0n);
    table[0] = 1n;
    for (let r = 1; r <= n; r++) {
      table[r * width] = 1n;
      for (let j = 1; j <= k; j++)
        table[r * width + j] = table[(r - 1) * width + j] + table[r * width + j - 1] + table[(r - 1) * width + j - 1];
    }
    this.#big = table;
    this.#bigSums = table.slice();
    for (let r = 0; r <= n; r++) for (let j = 1; j <= k; j++) this.#bigSums[r * width + j] += this.#bigSums[r * width + j - 1];
    this.count = table[n * width + k];
    this.indexBits = (this.count - 1n).toString(2).length;
    this.numeric = this.count <= 1n << 53n;
    // Entries that no index reaches (r = N, j < K sums) may lose digits; those below V do not.
    this.#small = this.numeric ? Float64Array.from(this.#big, Number) : new Float64Array(0);
    this.#smallSums = this.numeric ? Float64Array.from(this.#bigSums, Number) : new Float64Array(0);
  }

  /** V(r,j) for r ≤ N, j ≤ K. */
  entry(r: number, j: number): bigint {
    return this.#big[r * (this.k + 1) + j];
  }

  /** Index of the codeword y[offset … offset+N), which the caller knows to have K pulses. `numeric` codebooks only. */
  encode(y: ArrayLike<number>, offset = 0): number {
    const { n, k: pulses } = this;
    const counts = this.#small;
    const sums = this.#smallSums;
    let index = 0;
    let place = (n - 1) * (pulses + 1) + pulses; // coordinates left, pulses left
    for (let i = 0; i < n; i++, place -= pulses + 1) {
      const v = y[offset + i];
      if (v === 0) continue;
      const m = v < 0 ? -v : v;
      index += counts[place] + 2 * (sums[place - 1] - sums[place - m]);
      place -= m;
      if (v < 0) index += counts[place];
    }
    return index;
  }

  /** The codeword of an index below V. `numeric` codebooks only. */
  decode(index: number, y: Int32Array, offset = 0): void {
    const { n } = this;
    const width = this.k + 1;
    let k = this.k;
    for (let i = 0; i < n; i++) {
      y[offset + i] = 0;
      if (k === 0) continue;
      const row = (n - 1 - i) * width;
      if (index < this.#small[row + k]) continue;
      index -= this.#small[row + k];
      let m = 1;
      while (index >= 2 * this.#small[row + k - m]) index -= 2 * this.#small[row + k - m++];
      const negative = index >= this.#small[row + k - m];
      if (negative) index -= this.#small[row + k - m];
      y[offset + i] = negative ? -m : m;
      k -= m;
    }
  }

  /** As `encode`, for codebooks of any size. */
  encodeBig(y: ArrayLike<number>, offset = 0): bigint {
    const { n, k: pulses } = this;
    const width = pulses + 1;
    let index = 0n;
    for (let i = 0, k = pulses; i < n && k > 0; i++) {
      const v = y[offset + i];
      if (v === 0) continue;
      const m = v < 0 ? -v : v;
      const row = (n - 1 - i) * width;
      index += this.#big[row + k] + ((this.#bigSums[row + k - 1] - this.#bigSums[row + k - m]) << 1n);
      if (v < 0) index += this.#big[row + k - m];
      k -= m;
    }
    return index;
  }

  decodeBig(index: bigint, y: Int32Array, offset = 0): void {
    const { n } = this;
    const width = this.k + 1;
    let k = this.k;
    for (let i = 0; i < n; i++) {
      y[offset + i] = 0;
      if (k === 0) continue;
      const row = (n - 1 - i) * width;
      if (index < this.#big[row + k]) continue;
      index -= this.#big[row + k];
      let m = 1;
      for (let twice = this.#big[row + k - 1] << 1n; index >= twice; twice = this.#big[row + k - m] << 1n) {
        index -= twice;
        m++;
      }
      const negative = index >= this.#big[row + k - m];
      if (negative) index -= this.#big[row + k - m];
      y[offset + i] = negative ? -m : m;
      k -= m;
    }
  }
}

/** V(N,K) by its closed form Σ_d 2^d C(N,d) C(K−1,d−1): an independent count, for checks. */
export function codewordCountClosed(n: number, k: number): bigint {
  if (k === 0) return 1n;
  let sum = 0n;
  let choose = 1n; // C(N,d)
  let place = 1n; // C(K−1,d−1)
  for (let d = 1; d <= Math.min(n, k); d++) {
    choose = (choose * BigInt(n - d + 1)) / BigInt(d);
    if (d > 1) place = (place * BigInt(k - d + 1)) / BigInt(d - 1);
    sum += (1n << BigInt(d)) * choose * place;
  }
  return sum;
}

/** The largest K whose index needs at most `bits` bits for N coordinates; 0 when not even one pulse fits. */
export function largestPulseCount(n: number, bits: number): number {
  const limit = 1n << BigInt(bits);
  let row = new Array<bigint>(n + 1).fill(1n); // V(0…N, 0)
  for (let k = 1; k <= maximumPulses; k++) {
    const next = new Array<bigint>(n + 1).fill(0n);
    for (let r = 1; r <= n; r++) next[r] = next[r - 1] + row[r] + row[r - 1];
    if (next[n] > limit) return k - 1;
    row = next;
  }
  return maximumPulses;
}
