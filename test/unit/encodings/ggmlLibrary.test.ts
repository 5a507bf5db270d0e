import assert from "node:assert/strict";
import { encoding, encodings } from "../../../src/encodings";
import { type Ggml, ggmlAvailable, ggmlTypes, loadGgml } from "../../builders/ggml";
import { Random } from "../../../src/core/math/prng";

const columns = 1024;
const rows = 4;

/** What weights may look like, and what they should not: name and one value per index. */
function samples(): [string, (i: number) => number][] {
  const random = new Random(20240613);
  const sign = () => (random.uniform() < 0.5 ? -1 : 1);
  return [
    ["Gaussian", () => random.gaussian()],
    ["heavy-tailed", () => random.gaussian() * Math.exp(2 * random.gaussian())],
    ["one-sided", () => random.uniform() + 0.5],
    ["far from zero", () => 100 + 0.01 * random.gaussian()],
    ["constant", () => 0.37],
    ["zero", () => 0],
    ["negative zero", () => -0],
    ["sparse with signed zeros", () => (random.uniform() < 0.05 ? random.gaussian() : sign() * 0)],
    ["one outlier", (i) => (i % 256 === 77 ? -50 : 0.01 * random.gaussian())],
    ["on a lattice, all ties", () => Math.round(4 * random.gaussian()) / 8],
    ["just below powers of two", (i) => 2 ** ((i % 30) - 15) * (1 - (i % 3) * 2 ** -24)],
    ["below the zero guard", () => 2e-16 * random.gaussian()],
    ["tiny", () => 1e-30 * random.gaussian()],
    ["denormal", () => 1e-39 * random.gaussian()],
    ["smallest denormals", () => Math.round(3 * random.gaussian()) * 2 ** -149],
    ["huge", () => 1e4 * random.gaussian()],
    ["too large for a half-precision scale", () => 1e30 * random.gaussian()],
    ["near the largest float", () => sign() * 3.4e38 * random.uniform()],
  ];
}

function check(ggml: Ggml, name: string, sample: string, x: Float32Array, importance?: Float32Array): void {
  const type = ggmlTypes[name];
  const wanted = ggml.quantize(type, x, rows, columns, importance);
  const member = encoding(name);
  const bytes = new Uint8Array(wanted.length);
  let refused = false;
  try {
    member.encode!(x, rows, columns, [bytes], importance);
  } catch {
    refused = true;
  }
  // llama.cpp refuses to write a row with an infinite scale; so do we.
  const decoded = new Float32Array(rows * columns);
  member.decode([wanted], rows, columns, decoded);
  assert.equal(refused, !decoded.every(Number.isFinite), `${name}, ${sample}: refused exactly when a scale overflows`);
  if (refused) return;
  const size = wanted.length / ((rows * columns) / member.blockElements);
  for (let at = 0; at < wanted.length; at += size) {
    const [ours, theirs] = [bytes, wanted].map((b) => Buffer.from(b.subarray(at, at + size)).toString("hex"));
    assert.equal(ours, theirs, `${name}, ${sample}${importance ? ", with importance" : ""}: block ${at / size}`);
  }
}

if (!ggmlAvailable()) {
  console.log("      comparison with the ggml library left out: not an x86-64, or BITLENS_OFFLINE is set");
} else {
  describe("the ggml library itself: bytes it would not have written", function () {
    this.timeout(360_000); // the first run fetches it
    let ggml: Ggml;
    before(() => {
      ggml = loadGgml();
    });

    it("block sizes and bytes", () => {
      for (const [name, type] of Object.entries(ggmlTypes)) {
        const member = encoding(name);
        assert.deepEqual([member.blockElements, member.planes[0].rowBytes(256) / (256 / member.blockElements)],
          [ggml.blockSize(type), ggml.typeSize(type)], name);
      }
    });

    for (const member of encodings.filter((e) => e.encode && e.name in ggmlTypes && e.name !== "f32")) {
      it(`${member.name} encodes the same bytes`, () => {
        const random = new Random(7);
        const importance = Float32Array.from({ length: columns }, () => 3 * random.uniform() + (random.uniform() < 0.1 ? 20 : 0));
        const halfZero = importance.map((w) => (random.uniform() < 0.5 ? 0 : w));
        for (const [sample, value] of samples()) {
          const x = Float32Array.from({ length: rows * columns }, (_, i) => value(i));
          for (const weights of [undefined, importance, halfZero]) check(ggml, member.name, sample, x, weights);
        }
      });
    }

    for (const member of encodings.filter((e) => e.name in ggmlTypes && !["f32", "f16", "bf16", "q8_1"].includes(e.name))) {
      it(`${member.name} decodes the same values`, () => {
        const random = new Random(11);
        const count = 64 * member.blockElements;
        const bytes = Uint8Array.from({ length: member.planes[0].rowBytes(count) }, () => random.integer(256));
        const out = new Float32Array(count);
        member.decode([bytes], 1, count, out);
        const wanted = ggml.dequantize(member.name, bytes, count);
        for (let i = 0; i < count; i++) assert.ok(Object.is(out[i], wanted[i]), `element ${i}: ${out[i]}, ggml ${wanted[i]}`);
      });
    }
  });
}
