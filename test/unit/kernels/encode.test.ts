import assert from "node:assert/strict";
import { Random } from "../../../src/core/math/prng";
import { encodedBytes, encoding } from "../../../src/encodings";
import { SCRATCH_BYTES } from "../../../src/kernels";
import { kernelsOver } from "../../builders/passHarness";

const columns = 768;
const rows = 4;

/** What the searches meet: name and one value per index. */
function samples(): [string, (i: number) => number][] {
  const random = new Random(99);
  const sign = () => (random.uniform() < 0.5 ? -1 : 1);
  return [
    ["Gaussian", () => random.gaussian()],
    ["heavy-tailed", () => random.gaussian() * Math.exp(2 * random.gaussian())],
    ["one-sided", () => random.uniform() + 0.5],
    ["negative", () => -random.uniform() - 1],
    ["far from zero", () => 100 + 0.01 * random.gaussian()],
    ["constant", () => -0.37],
    ["just below powers of two", (i) => {
      const power = 2 ** ((Math.floor(i / 64) % 24) - 16);
      return power * (i % 32 === 5 ? 1 - (Math.floor(i / 32) % 24) * 2 ** -24 : 0.3);
    }],
    ["zero", () => 0],
    ["blocks of zeros between others", (i) => (i % 512 < 256 || i % 64 < 16 ? 0 : random.gaussian())],
    ["sparse with signed zeros", () => (random.uniform() < 0.05 ? random.gaussian() : sign() * 0)],
    ["one outlier", (i) => (i % 256 === 77 ? -50 : 0.01 * random.gaussian())],
    ["on a lattice, all ties", () => Math.round(4 * random.gaussian()) / 8],
    ["below the zero guard", () => 2e-16 * random.gaussian()],
    ["tiny", () => 1e-30 * random.gaussian()],
    ["denormal", () => 1e-39 * random.gaussian()],
    ["smallest denormals", () => Math.round(3 * random.gaussian()) * 2 ** -149],
    ["huge", () => 1e4 * random.gaussian()],
    ["too large for a half-precision scale", () => 1e30 * random.gaussian()],
    ["near the largest float", () => sign() * 3.4e38 * random.uniform()],
  ];
}

const names = [
  "q4_0", "q4_1", "q5_0", "q5_1", "q2_K", "q3_K", "q4_K", "q5_K", "q6_K", "iq4_nl", "iq4_xs", "tq1_0", "tq2_0", "q1_0", "q2_0",
  "mxfp4", "nvfp4",
];
/** What a kernel may leave to the reference: scales that (nearly) overflow, and denormal ones where there is no search. */
const left = /huge|too large|largest|denormal/;

describe("encoding kernels: bytes other than the reference's", () => {
  const kernels = kernelsOver(2 << 20);
  const bytes = new Uint8Array(kernels.memory.buffer);
  const floats = new Float32Array(kernels.memory.buffer);
  const x = 1 << 16;
  const importance = x + 4 * rows * columns;
  const scratch = importance + 4 * columns;
  const plane = scratch + SCRATCH_BYTES + 1; // planes may be unaligned

  function check(name: string, sample: string, values: Float32Array, weights?: Float32Array): "covered" | "left" {
    const member = encoding(name);
    const wanted = new Uint8Array(encodedBytes(member, rows, columns));
    let refused = false;
    try {
      member.encode!(values, rows, columns, [wanted], weights);
    } catch {
      refused = true;
    }
    floats.set(values, x / 4);
    if (weights) floats.set(weights, importance / 4);
    bytes.fill(0xa5, scratch);
    const covered = kernels.encoder(name)!(x, rows, columns, weights ? importance : 0, scratch, plane);
    if (!covered) return "left";
    assert.equal(refused, false, `${name}, ${sample}: the reference refuses these values`);
    const size = member.planes[0].rowBytes(member.blockElements);
    for (let at = 0; at < wanted.length; at += size) {
      const blocks = [bytes.slice(plane + at, plane + at + size), wanted.slice(at, at + size)];
      const [ours, theirs] = blocks.map((b) => Buffer.from(b).toString("hex"));
      assert.equal(ours, theirs, `${name}, ${sample}${weights ? ", with importance" : ""}: block ${at / size}`);
    }
    return "covered";
  }

  for (const name of names) {
    it(name, () => {
      const random = new Random(4);
      const weights = Float32Array.from({ length: columns }, () => 3 * random.uniform() + (random.uniform() < 0.1 ? 20 : 0));
      const halfZero = weights.map((w) => (random.uniform() < 0.5 ? 0 : w));
      for (const [sample, value] of samples()) {
        const values = Float32Array.from({ length: rows * columns }, (_, i) => value(i));
        for (const importance of [undefined, weights, halfZero]) {
          const outcome = check(name, sample, values, importance);
          if (!left.test(sample)) assert.equal(outcome, "covered", `${name}, ${sample}`);
        }
      }
    });
  }
});
