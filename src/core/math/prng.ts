/**
 * Seeded randomness, the same on every machine: xoshiro128** (Blackman and Vigna) whose four state words are the two
 * 64-bit outputs of SplitMix64, low word first. Seeds are recorded wherever a result depends on them.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;
  #spare: number | undefined;

  /** `seed`: a non-negative safe integer. */
  constructor(readonly seed: number) {
    if (!Number.isSafeInteger(seed) || seed < 0) throw new RangeError(`seed ${seed} is not a non-negative safe integer`);
    const [low, high] = splitMix64(BigInt(seed), 2);
    this.#a = Number(low & 0xffffffffn);
    this.#b = Number(low >> 32n);
    this.#c = Number(high & 0xffffffffn);
    this.#d = Number(high >> 32n);
  }

  /** Uniform 32-bit integer. */
  word(): number {
    const x = Math.imul(this.#b, 5);
    const result = Math.imul((x << 7) | (x >>> 25), 9) >>> 0;
    const t = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  /** Uniform in [0, 1) with 53 random bits: 27 from the first word, 26 from the second. */
  uniform(): number {
    const high = this.word() >>> 5;
    return (high * 67108864 + (this.word() >>> 6)) / 9007199254740992;
  }

  /** Uniform integer in [0, n), n ≤ 2^32, without modulo bias. */
  integer(n: number): number {
    const limit = 4294967296 - (4294967296 % n);
    for (;;) {
      const x = this.word();
      if (x < limit) return x % n;
    }
  }

  /** Standard normal, Marsaglia's polar method. */
  gaussian(): number {
    if (this.#spare !== undefined) {
      const value = this.#spare;
      this.#spare = undefined;
      return value;
    }
    for (;;) {
      const u = 2 * this.uniform() - 1;
      const v = 2 * this.uniform() - 1;
      const s = u * u + v * v;
      if (s >= 1 || s === 0) continue;
      const f = Math.sqrt((-2 * Math.log(s)) / s);
      this.#spare = v * f;
      return u * f;
    }
  }

  /** A diagonal of ±1: entry i is −1 when bit i mod 32 of the ⌊i/32⌋-th word is set. */
  signs(n: number): Int8Array {
    const out = new Int8Array(n);
    let bits = 0;
    for (let i = 0; i < n; i++) {
      if ((i & 31) === 0) bits = this.word();
      out[i] = (bits >>> (i & 31)) & 1 ? -1 : 1;
    }
    return out;
  }
}

/** The first `count` outputs of SplitMix64. */
export function splitMix64(seed: bigint, count: number): bigint[] {
  const out: bigint[] = [];
  let state = BigInt.asUintN(64, seed);
  for (let i = 0; i < count; i++) {
    state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n);
    let z = state;
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    out.push(z ^ (z >> 31n));
  }
  return out;
}
