import { createHash } from "node:crypto";

/** 32 hexadecimal digits of SHA-256. Each part counts with its length: "a" then "b" differs from "ab". */
export function digestOf(parts: Iterable<string | Uint8Array>): string {
  const hash = createHash("sha256");
  for (const part of parts) {
    const bytes = typeof part === "string" ? Buffer.from(part) : part;
    hash.update(`${bytes.length} `).update(bytes);
  }
  return hash.digest("hex").slice(0, 32);
}
