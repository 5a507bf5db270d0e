/**
 * Rotations of weight matrices W[out][in], row-major. "Input side by Q": W ← WQ, for activations xQ. "Output side by Q":
 * W ← QᵀW, for outputs yQ. Any orthogonal Q leaves the network's function as it is when the neighbours follow.
 */
import { RandomMixing } from "../core/math/hadamard";
import { Random } from "../core/math/prng";

export { fwht, hadamardMatrix, mixingPlan, RandomMixing } from "../core/math/hadamard";

export interface Matrix {
  readonly values: Float64Array | Float32Array;
  readonly rows: number;
  readonly columns: number;
}

/** W ← WQ in place with the seeded mixing Q of order `columns`; `undo` takes Qᵀ. Rows are independent. */
export function rotateInput({ values, rows, columns }: Matrix, seed: number, undo = false): void {
  const mixing = new RandomMixing(columns, seed);
  for (let row = 0; row < rows; row++) {
    if (undo) mixing.undo(values, row * columns);
    else mixing.apply(values, row * columns);
  }
}

/** W ← QᵀW in place with the seeded mixing Q of order `rows`; `undo` takes Q. A bias is a matrix of one column. */
export function rotateOutput({ values, rows, columns }: Matrix, seed: number, undo = false): void {
  const mixing = new RandomMixing(rows, seed);
  const column = new Float64Array(rows);
  for (let c = 0; c < columns; c++) {
    for (let r = 0; r < rows; r++) column[r] = values[r * columns + c];
    // A column w of QᵀW is (wᵀQ)ᵀ of the old one.
    if (undo) mixing.undo(column);
    else mixing.apply(column);
    for (let r = 0; r < rows; r++) values[r * columns + c] = column[r];
  }
}

/** W ← WQ in place with any n × n matrix Q, or WQᵀ; O(rows·n²). */
export function multiplyInput({ values, rows, columns }: Matrix, q: Float64Array, transpose = false): void {
  const row = new Float64Array(columns);
  for (let r = 0; r < rows; r++) {
    const at = r * columns;
    row.fill(0);
    for (let i = 0; i < columns; i++) {
      const v = values[at + i];
      for (let j = 0; j < columns; j++) row[j] += v * q[transpose ? j * columns + i : i * columns + j];
    }
    for (let j = 0; j < columns; j++) values[at + j] = row[j];
  }
}

/** A Haar-distributed orthogonal n × n matrix: Householder QR of a seeded Gaussian, columns multiplied by sign(R_ii). O(n³). */
export function randomOrthogonal(n: number, seed: number): Float64Array {
  const random = new Random(seed);
  const a = new Float64Array(n * n);
  for (let i = 0; i < n * n; i++) a[i] = random.gaussian();
  const q = new Float64Array(n * n);
  for (let i = 0; i < n; i++) q[i * n + i] = 1;
  const v = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    let norm = 0;
    for (let i = k; i < n; i++) {
      v[i] = a[i * n + k];
      norm += v[i] * v[i];
    }
    const alpha = v[k] > 0 ? -Math.sqrt(norm) : Math.sqrt(norm);
    v[k] -= alpha;
    let length = 0;
    for (let i = k; i < n; i++) length += v[i] * v[i];
    if (length > 0) {
      reflectRows(a, v, length, k, n);
      reflectColumns(q, v, length, k, n);
    }
    // R_kk is alpha now; its sign goes to the column of Q.
    if (alpha < 0) for (let i = 0; i < n; i++) q[i * n + k] = -q[i * n + k];
  }
  return q;
}

/** a ← (I − 2vvᵀ/length) a, v zero before k. */
function reflectRows(a: Float64Array, v: Float64Array, length: number, k: number, n: number): void {
  for (let j = k; j < n; j++) {
    let dot = 0;
    for (let i = k; i < n; i++) dot += v[i] * a[i * n + j];
    const f = (2 * dot) / length;
    for (let i = k; i < n; i++) a[i * n + j] -= f * v[i];
  }
}

/** q ← q (I − 2vvᵀ/length). */
function reflectColumns(q: Float64Array, v: Float64Array, length: number, k: number, n: number): void {
  for (let i = 0; i < n; i++) {
    let dot = 0;
    for (let j = k; j < n; j++) dot += q[i * n + j] * v[j];
    const f = (2 * dot) / length;
    for (let j = k; j < n; j++) q[i * n + j] -= f * v[j];
  }
}
