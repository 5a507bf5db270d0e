import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { encoding } from "../../../src/encodings";

/**
 * Golden: the blocks are the high bytes of a linear congruence (every field takes every value), the hashes are those of
 * what gguf-py makes of them, one per row of f32 bits; NaNs count as one pattern.
 */
const golden = readFileSync(join(__dirname, "../../golden/encodings/decode.txt"), "utf8").trim().split("\n");

function noise(length: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24);
}

function hash(values: Float32Array): string {
  const bits = new Uint32Array(values.slice().buffer);
  values.forEach((v, i) => v !== v && (bits[i] = 0x7fc00000));
  return createHash("sha256").update(bits).digest("hex").slice(0, 8);
}

describe("block decoding, bit for bit as gguf-py: one misplaced bit shows garbage for weights", () => {
  for (const line of golden) {
    const [name, ...fields] = line.split(" ");
    const [seed, blocks, rows] = fields.splice(0, 3).map((field) => Number(field.split("=")[1]));
    it(name, () => {
      const member = encoding(name);
      const columns = (blocks * member.blockElements) / rows;
      const bytes = noise(rows * member.planes[0].rowBytes(columns), seed);
      // An odd offset: planes come from anywhere in a file.
      const shifted = new Uint8Array(bytes.length + 1);
      shifted.set(bytes, 1);
      const out = new Float32Array(rows * columns);
      member.decode([shifted.subarray(1)], rows, columns, out);
      for (let row = 0; row < rows; row++) {
        assert.equal(hash(out.subarray(row * columns, (row + 1) * columns)), fields[row], `${name}: row ${row} differs`);
      }
    });
  }

  it("q8_1 and q8_K carry sums beside the codes that are not weights", () => {
    const q81 = new Uint8Array(36);
    q81.set([0x00, 0x38, 0xff, 0x7b]); // d = 0.5, sum = 65504
    q81[4] = 0x80;
    q81[35] = 3;
    const out = new Float32Array(256);
    encoding("q8_1").decode([q81], 1, 32, out);
    assert.deepEqual([out[0], out[1], out[31]], [-64, 0, 1.5]);
    const q8K = new Uint8Array(292).fill(0xff);
    q8K.set([0, 0, 0x80, 0x3e, 5, 0xfb]); // d = 0.25
    encoding("q8_K").decode([q8K], 1, 256, out);
    assert.deepEqual([out[0], out[1], out[255]], [1.25, -1.25, -0.25]);
  });
});
