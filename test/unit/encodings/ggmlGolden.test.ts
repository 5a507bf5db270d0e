import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { encodedBytes, encoding } from "../../../src/encodings";

/** x[i] = (((37·i + 11) mod 101) − 50)/64, exact in f32; importance 1 + (i mod 7). Hashes are of ggml's own output. */
const x = Float32Array.from({ length: 256 }, (_, i) => (((37 * i + 11) % 101) - 50) / 64);
const importance = Float32Array.from({ length: 256 }, (_, i) => 1 + (i % 7));

/** name, bytes, sha256 prefix, squared error, and the same two with importance ("" where it changes nothing). */
const rows: [string, number, string, number, string, number][] = [
  ["q4_0", 144, "41abf59f26f8fdcc", 0.236743927, "e340d33112a0f369", 0.221452128],
  ["q4_1", 160, "4e7bfe2cc35db417", 0.228275161, "3ea366f97806a660", 0.204442564],
  ["q5_0", 176, "bdd4cd60b4e5bed1", 0.053133965, "2fb287c71447e92d", 0.03269212],
  ["q5_1", 192, "02b5479b08769d4f", 0.045652189, "9ef8c822cafb53b3", 0.037884329],
  ["q8_0", 272, "ce8bd1265a4a81d4", 0.000854997, "ce8bd1265a4a81d4", 0.000854997],
];

function check(name: string, bytes: number, hash: string, error: number, weights?: Float32Array): void {
  const member = encoding(name);
  assert.equal(encodedBytes(member, 1, 256), bytes);
  const data = new Uint8Array(bytes).fill(0xa5); // encoding may not rely on zeroed memory
  member.encode!(x, 1, 256, [data], weights);
  assert.equal(createHash("sha256").update(data).digest("hex").slice(0, 16), hash, `${name}: ${Buffer.from(data).toString("hex")}`);
  const out = new Float32Array(256);
  member.decode([data], 1, 256, out);
  const sum = x.reduce((total, v, i) => total + (v - out[i]) ** 2, 0);
  assert.ok(Math.abs(sum - error) < 1e-8, `${name}: squared error ${sum}, ggml's is ${error}`);
}

describe("ggml golden vectors: one changed rounding is another file", () => {
  for (const [name, bytes, hash, error, weightedHash, weightedError] of rows) {
    it(`${name} byte for byte`, () => check(name, bytes, hash, error));
    it(`${name} byte for byte with importance`, () => check(name, bytes, weightedHash, weightedError, importance));
  }
});
