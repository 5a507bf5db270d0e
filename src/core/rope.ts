import { EngineError } from "./errors";

/**
 * Where row i of a rotated projection goes when the halves of each head (Hugging Face's rotate_half) become neighbouring pairs
 * (llama.cpp's "llama"): row h·d + s·d/2 + j → h·d + 2j + s, with d = rows / heads.
 */
export function ropeRow(rows: number, heads: number): (row: number) => number {
  const d = rows / heads;
  if (!Number.isInteger(d) || d % 2) throw new EngineError("malformed", `${rows} rows cannot be split into ${heads} heads of even size.`);
  return (row) => {
    const inHead = row % d;
    const half = inHead >= d / 2 ? 1 : 0;
    return row - inHead + 2 * (inHead - (half * d) / 2) + half;
  };
}
