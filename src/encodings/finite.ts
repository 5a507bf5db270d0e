import { EngineError } from "../core/errors";

/** A value that the encoding cannot store, and where it stands in the matrix that was encoded. */
export class Unstorable extends EngineError {
  constructor(
    /** The sentence with the place in it. */
    readonly sentence: (row: number, column: number) => string,
    readonly row: number,
    readonly column: number,
  ) {
    super("bad-request", sentence(row, column));
  }

  /** The same in a matrix of which the one encoded is the part that begins at `row` and `column`. */
  within(row: number, column: number): Unstorable {
    return new Unstorable(this.sentence, row + this.row, column + this.column);
  }
}

/** Quantizers are undefined on NaN and infinity; "bad-request" naming the first one. The caller adds the tensor. */
export function checkFinite(x: Float32Array, rows: number, columns: number, label: string): void {
  const count = rows * columns;
  for (let i = 0; i < count; i++) {
    const value = x[i];
    if (value - value === 0) continue;
    const sentence = (row: number, column: number) => `${label} cannot store ${value} (row ${row}, column ${column}); keep this tensor as it is.`;
    throw new Unstorable(sentence, Math.floor(i / columns), i % columns);
  }
}
