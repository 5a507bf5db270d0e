/** Values pooled onto fewer cells; each cell is its largest member, so that a single outlier survives. */
export interface Pooled {
  readonly values: Float32Array;
  /** Position in the source of each cell's value. */
  readonly indices: Uint32Array;
}

/**
 * Pools `values` (any length) onto min(cells, length) cells by maximum. Cell i covers [⌊i·n/cells⌋, ⌊(i+1)·n/cells⌋).
 * NaN never wins over a number.
 */
export function poolMax(values: Float32Array, cells: number): Pooled {
  const n = values.length;
  const m = Math.max(0, Math.min(Math.floor(cells), n));
  const out = new Float32Array(m);
  const indices = new Uint32Array(m);
  for (let i = 0; i < m; i++) {
    const end = Math.floor(((i + 1) * n) / m);
    let at = Math.floor((i * n) / m);
    let best = values[at];
    for (let k = at + 1; k < end; k++) {
      if (values[k] > best || Number.isNaN(best)) {
        best = values[k];
        at = k;
      }
    }
    out[i] = best;
    indices[i] = at;
  }
  return { values: out, indices };
}

/** A matrix (row-major) pooled by maximum onto at most `toRows` × `toColumns`. Returns the new matrix with its size. */
export function poolMatrix(
  values: Float32Array,
  rows: number,
  columns: number,
  toRows: number,
  toColumns: number,
): { readonly values: Float32Array; readonly rows: number; readonly columns: number } {
  const r = Math.max(1, Math.min(rows, Math.floor(toRows)));
  const c = Math.max(1, Math.min(columns, Math.floor(toColumns)));
  if (r === rows && c === columns) return { values, rows, columns };
  const out = new Float32Array(r * c).fill(-Infinity);
  for (let i = 0; i < rows; i++) {
    const to = Math.min(r - 1, Math.floor((i * r) / rows)) * c;
    for (let j = 0; j < columns; j++) {
      const k = to + Math.min(c - 1, Math.floor((j * c) / columns));
      const v = values[i * columns + j];
      if (v > out[k]) out[k] = v;
    }
  }
  return { values: out, rows: r, columns: c };
}
