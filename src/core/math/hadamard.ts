/**
 * Orthogonal mixing of n coordinates: Hadamard matrices of every order that Paley's constructions reach, fast transforms
 * H_K ⊗ H_{2^p}, and an orthonormal stand-in (DCT-II) for the other sizes. Row vectors: y = x Q.
 */
import { Random } from "./prng";

/** In place on x[offset … offset+n), n a power of two, without the factor 1/√n. */
export function fwht(x: Float64Array | Float32Array, offset = 0, n = x.length): void {
  for (let h = 1; h < n; h *= 2) {
    for (let i = offset; i < offset + n; i += 2 * h) {
      for (let j = i; j < i + h; j++) {
        const a = x[j];
        const b = x[j + h];
        x[j] = a + b;
        x[j + h] = a - b;
      }
    }
  }
}

/**
 * A Hadamard matrix of the given order, row-major ±1 with HHᵀ = nI: Paley I (order q+1, q ≡ 3 mod 4), Paley II (order
 * 2(q+1), q ≡ 1 mod 4) for prime powers q = p^r, and doubling. Undefined where none of them applies (92, 156, 172, …).
 */
export function hadamardMatrix(order: number): Int8Array | undefined {
  if (order === 1) return Int8Array.of(1);
  if (order === 2) return Int8Array.of(1, 1, 1, -1);
  if (order % 4 !== 0) return undefined;
  const first = primePower(order - 1);
  if (first && (order - 1) % 4 === 3) {
    const s = conference(first, -1);
    for (let i = 0; i < order; i++) s[i * order + i] += 1;
    return s;
  }
  const second = primePower(order / 2 - 1);
  if (second && (order / 2 - 1) % 4 === 1) {
    const half = order / 2;
    const s = conference(second, 1);
    const out = new Int8Array(order * order);
    for (let i = 0; i < half; i++) {
      for (let j = 0; j < half; j++) {
        const v = s[i * half + j];
        const d = i === j ? 1 : 0;
        const at = 2 * i * order + 2 * j;
        out[at] = v + d;
        out[at + 1] = v - d;
        out[at + order] = v - d;
        out[at + order + 1] = -v - d;
      }
    }
    return out;
  }
  const smaller = hadamardMatrix(order / 2);
  if (!smaller) return undefined;
  const half = order / 2;
  const out = new Int8Array(order * order);
  for (let i = 0; i < order; i++) {
    for (let j = 0; j < order; j++) out[i * order + j] = smaller[(i >> 1) * half + (j >> 1)] * (i & j & 1 ? -1 : 1);
  }
  return out;
}

/** [[0, 1ᵀ], [±1, Q]] with Q the quadratic characters of differences in GF(q). */
function conference({ p, r }: { p: number; r: number }, corner: 1 | -1): Int8Array {
  const q = p ** r;
  const chi = quadraticCharacter(p, r);
  const order = q + 1;
  const s = new Int8Array(order * order);
  for (let i = 1; i < order; i++) {
    s[i] = 1;
    s[i * order] = corner;
    for (let j = 1; j < order; j++) s[i * order + j] = chi[subtract(j - 1, i - 1, p, r)];
  }
  return s;
}

/** q = p^r with p an odd prime and r ≤ 3, or undefined. */
function primePower(q: number): { p: number; r: number } | undefined {
  for (const r of [1, 2, 3]) {
    const p = Math.round(q ** (1 / r));
    if (p > 2 && p ** r === q && isPrime(p)) return { p, r };
  }
  return undefined;
}

function isPrime(n: number): boolean {
  if (n < 2) return false;
  for (let d = 2; d * d <= n; d++) if (n % d === 0) return false;
  return true;
}

/** Elements of GF(p^r) are numbers whose base-p digits are the coefficients. */
function subtract(a: number, b: number, p: number, r: number): number {
  let out = 0;
  for (let i = 0, unit = 1; i < r; i++, unit *= p) {
    out += ((((Math.floor(a / unit) % p) - (Math.floor(b / unit) % p)) + p) % p) * unit;
  }
  return out;
}

/** χ of every element: 0, +1 for squares, −1 for the others. */
function quadraticCharacter(p: number, r: number): Int8Array {
  const q = p ** r;
  const chi = new Int8Array(q).fill(-1);
  chi[0] = 0;
  const modulus = irreducible(p, r);
  const digits = (a: number) => Array.from({ length: r }, (_, i) => Math.floor(a / p ** i) % p);
  for (let a = 1; a < q; a++) {
    const d = digits(a);
    const square = new Array<number>(2 * r - 1).fill(0);
    for (let i = 0; i < r; i++) for (let j = 0; j < r; j++) square[i + j] = (square[i + j] + d[i] * d[j]) % p;
    for (let i = 2 * r - 2; i >= r; i--) {
      for (let j = 0; j < r; j++) square[i - r + j] = (square[i - r + j] + square[i] * (p - modulus[j])) % p;
    }
    let value = 0;
    for (let i = r - 1; i >= 0; i--) value = value * p + square[i];
    chi[value] = 1;
  }
  return chi;
}

/** Lower coefficients of a monic polynomial of degree r ≤ 3 without roots in GF(p), hence irreducible. */
function irreducible(p: number, r: number): number[] {
  if (r === 1) return [0];
  for (let code = 0; code < p ** r; code++) {
    const c = Array.from({ length: r }, (_, i) => Math.floor(code / p ** i) % p);
    let rooted = false;
    for (let x = 0; x < p && !rooted; x++) {
      let value = 1;
      for (let i = r - 1; i >= 0; i--) value = (value * x + c[i]) % p;
      rooted = value === 0;
    }
    if (!rooted) return c;
  }
  throw new RangeError(`no irreducible polynomial of degree ${r} over GF(${p})`);
}

/** How n coordinates are mixed: H or the DCT of `odd` coordinates, times a Hadamard transform of `power` = 2^p. */
export interface MixingPlan {
  readonly n: number;
  readonly kind: "hadamard" | "dct";
  /** odd · power = n; for "hadamard" the order of the constructed matrix (1 when n is a power of two). */
  readonly odd: number;
  readonly power: number;
  /** odd × odd, row-major, orthonormal. */
  readonly matrix: Float64Array;
}

const plans = new Map<number, MixingPlan>();

/**
 * The plan for n: the smallest constructible order K ≥ the odd part m with n = K·2^p; without one, the DCT-II of order m.
 * (11008 has no order 172 here and takes 344 = 7³ + 1.)
 */
export function mixingPlan(n: number): MixingPlan {
  if (!Number.isInteger(n) || n < 1 || n > 1 << 24) throw new RangeError(`cannot mix ${n} coordinates`);
  const known = plans.get(n);
  if (known) return known;
  let odd = n;
  let power = 1;
  while (odd % 2 === 0) {
    odd /= 2;
    power *= 2;
  }
  let plan: MixingPlan | undefined;
  // Beyond a few thousand the K × K product costs more than mixing is worth.
  for (let order = odd, rest = power; order <= 2048 && !plan; order *= 2, rest /= 2) {
    const h = hadamardMatrix(order);
    if (h) plan = { n, kind: "hadamard", odd: order, power: rest, matrix: Float64Array.from(h, (v) => v / Math.sqrt(order)) };
    if (rest === 1) break;
  }
  plan ??= { n, kind: "dct", odd, power, matrix: dctMatrix(odd) };
  plans.set(n, plan);
  return plan;
}

/** Orthonormal DCT-II: row k is the k-th cosine. */
export function dctMatrix(n: number): Float64Array {
  const out = new Float64Array(n * n);
  for (let k = 0; k < n; k++) {
    const scale = Math.sqrt((k === 0 ? 1 : 2) / n);
    for (let i = 0; i < n; i++) out[k * n + i] = scale * Math.cos((Math.PI * ((2 * i + 1) * k % (4 * n))) / (2 * n));
  }
  return out;
}

/**
 * Seeded randomised mixing Q = D · M: D flips signs (Random(seed).signs(n)), M = (odd matrix ⊗ H_{2^p})/√. `apply`: x ← xQ,
 * `undo`: x ← xQᵀ, in place on one row of n values at `offset`.
 */
export class RandomMixing {
  readonly plan: MixingPlan;
  readonly #signs: Int8Array;
  readonly #column: Float64Array;
  readonly #row: Float64Array;

  constructor(readonly n: number, readonly seed: number) {
    this.plan = mixingPlan(n);
    this.#signs = new Random(seed).signs(n);
    this.#column = new Float64Array(this.plan.odd);
    this.#row = new Float64Array(n);
  }

  apply(x: Float64Array | Float32Array, offset = 0): void {
    const row = this.#row;
    for (let i = 0; i < this.n; i++) row[i] = x[offset + i] * this.#signs[i];
    this.#mix(row, false);
    for (let i = 0; i < this.n; i++) x[offset + i] = row[i];
  }

  undo(x: Float64Array | Float32Array, offset = 0): void {
    const row = this.#row;
    for (let i = 0; i < this.n; i++) row[i] = x[offset + i];
    this.#mix(row, true);
    for (let i = 0; i < this.n; i++) x[offset + i] = row[i] * this.#signs[i];
  }

  /** Viewed as odd × power: Hadamard along the power axis, the odd matrix (or its transpose) along the other. */
  #mix(row: Float64Array, transpose: boolean): void {
    const { odd, power, matrix } = this.plan;
    for (let k = 0; k < odd; k++) fwht(row, k * power, power);
    const scale = 1 / Math.sqrt(power);
    if (odd === 1) {
      for (let i = 0; i < power; i++) row[i] *= scale;
      return;
    }
    for (let p = 0; p < power; p++) {
      for (let k = 0; k < odd; k++) this.#column[k] = row[k * power + p] * scale;
      for (let k = 0; k < odd; k++) {
        // Row-vector product: (x M)_k = Σ_i x_i M[i][k].
        let sum = 0;
        if (transpose) for (let i = 0; i < odd; i++) sum += this.#column[i] * matrix[k * odd + i];
        else for (let i = 0; i < odd; i++) sum += this.#column[i] * matrix[i * odd + k];
        row[k * power + p] = sum;
      }
    }
  }
}
