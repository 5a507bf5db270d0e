import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { encodedBytes, encoding } from "../../../src/encodings";

/** x[i] = (((37·i + 11) mod 101) − 50)/64, exact in f32; importance 1 + (i mod 7). Hashes are of ggml's own output. */
const x = Float32Array.from({ length: 256 }, (_, i) => (((37 * i + 11) % 101) - 50) / 64);
const importance = Float32Array.from({ length: 256 }, (_, i) => 1 + (i % 7));

/** name, bytes, sha256 prefix, squared error, and the same two with importance. */
const rows: [string, number, string, number, string, number][] = [
  ["q4_0", 144, "41abf59f26f8fdcc", 0.236743927, "e340d33112a0f369", 0.221452128],
  ["q4_1", 160, "4e7bfe2cc35db417", 0.228275161, "3ea366f97806a660", 0.204442564],
  ["q5_0", 176, "bdd4cd60b4e5bed1", 0.053133965, "2fb287c71447e92d", 0.03269212],
  ["q5_1", 192, "02b5479b08769d4f", 0.045652189, "9ef8c822cafb53b3", 0.037884329],
  ["q8_0", 272, "ce8bd1265a4a81d4", 0.000854997, "ce8bd1265a4a81d4", 0.000854997],
  ["q2_K", 84, "502bbec9f3d822d7", 3.396288924, "ce8f31c37ecbf7a0", 3.354633918],
  ["q3_K", 110, "62c3ba015d517018", 0.921995443, "1b576940c393d36b", 0.920358191],
  ["q4_K", 144, "bdabd19abdca33e4", 0.189324155, "32f837824dc01699", 0.209301161],
  ["q5_K", 176, "d4297c76f7ae5dc0", 0.043444849, "afa6289fd74fa18a", 0.040567872],
  ["q6_K", 210, "581e84fe6504fdc8", 0.010183816, "6dea2b17d7522058", 0.010561695],
  ["iq4_nl", 144, "490fe71ec503c6b1", 0.259605312, "2940536481148325", 0.262602362],
  ["iq4_xs", 136, "3669651c346d656a", 0.261576459, "a822af5be8353f08", 0.264688292],
  ["tq1_0", 54, "0cd06e66862815c9", 12.812255859, "0cd06e66862815c9", 12.812255859],
  ["tq2_0", 66, "2dc64a6647a3778a", 12.812255859, "2dc64a6647a3778a", 12.812255859],
  ["mxfp4", 136, "b438d8cd9b01d07f", 0.572021484, "b438d8cd9b01d07f", 0.572021484],
  ["q1_0", 36, "112796aecc536a38", 13.334793091, "112796aecc536a38", 13.334793091],
  ["q2_0", 72, "40482862f29b4b7c", 12.613769531, "40482862f29b4b7c", 12.613769531],
];

function check(name: string, bytes: number, hash: string, error: number, weights?: Float32Array): void {
  const member = encoding(name);
  assert.equal(encodedBytes(member, 1, 256), bytes);
  const data = new Uint8Array(bytes).fill(0xa5); // encoding may not rely on zeroed memory
  member.encode!(x, 1, 256, [data], weights);
  const found = createHash("sha256").update(data).digest("hex").slice(0, 16);
  assert.equal(found, hash, `${name}: ${Buffer.from(data).toString("hex")}`);
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
