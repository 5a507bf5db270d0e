import { EngineError } from "../core/errors";

/** Quantizers are undefined on NaN and infinity; "bad-request" naming the first one. The caller adds the tensor. */
export function checkFinite(x: Float32Array, rows: number, columns: number, label: string): void {
  const count = rows * columns;
  for (let i = 0; i < count; i++) {
    if (x[i] - x[i] === 0) continue;
    throw new EngineError(
      "bad-request",
      `${label} cannot store ${x[i]} (row ${Math.floor(i / columns)}, column ${i % columns}); keep this tensor as it is.`,
    );
  }
}
