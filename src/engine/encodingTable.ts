import type { EncodingInfo } from "../core/api/engine";
import { EngineError } from "../core/errors";
import type { Encoding } from "../encodings/index";
import { bitsPerWeight, encoding, encodings } from "../encodings/index";

/** A long row and a tall matrix: what is stored once per row or per matrix vanishes in it. */
const typical = { rows: 4096, columns: 4096 };

/** The encodings that values can be stored in, for lists. */
export function listEncodings(): readonly EncodingInfo[] {
  return encodings.filter(isOffered).map((e) => ({
    name: e.name,
    label: e.label,
    bitsPerWeight: bitsPerWeight(e, typical.rows, typical.columns),
    blockElements: e.blockElements,
    targets: [...e.targets],
    description: e.description,
  }));
}

/** The encoding of this name. Throws "bad-request" unless values can be stored in it. */
export function requireEncode(name: string): Encoding {
  const found = encoding(name);
  if (found.encode) return found;
  const names = encodings.filter(isOffered).map((e) => e.name);
  throw new EngineError("bad-request", `Encoding ${found.name} can only be read; choose one of: ${names.join(", ")}.`);
}

/** Integers store what they are given as numbers, not as weights. */
function isOffered(e: Encoding): boolean {
  return e.encode !== undefined && e.targets.length > 0;
}
