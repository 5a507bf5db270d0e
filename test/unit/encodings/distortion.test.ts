import assert from "node:assert/strict";
import { bitsPerWeight, encodedBytes, encoding, encodings } from "../../../src/encodings";
import { Random } from "../../../src/core/math/prng";

/**
 * Relative squared error on independent N(0, 1), measured with ggml itself on large samples, without and with a flat importance
 * matrix. A systematic bias in a quantizer shows here even where single blocks look right.
 */
const oracles: [name: string, plain: number, flat?: number][] = [
  ["q4_0", 0.007384, 0.006666],
  ["q4_1", 0.006116, 0.004879],
  ["q5_0", 0.001819, 0.001632],
  ["q5_1", 0.001431, 0.001141],
  ["q8_0", 2.9e-5],
  ["q2_K", 0.087912, 0.071781],
  ["q3_K", 0.022744, 0.020865],
  ["q4_K", 0.005084, 0.004998],
  ["q5_K", 0.001303, 0.001249],
  ["q6_K", 0.000314, 0.000299],
  ["iq4_nl", 0.005787, 0.005602],
  ["iq4_xs", 0.005876, 0.005704],
  ["mxfp4", 0.013247],
  ["q1_0", 0.36045],
  ["tq2_0", 0.651],
  ["q2_0", 0.514],
];
const rows = 64;
const columns = 1024;

const random = new Random(42);
const x = Float32Array.from({ length: rows * columns }, () => random.gaussian());
const power = x.reduce((sum, v) => sum + v * v, 0);
const flat = new Float32Array(columns).fill(1);
const measured = new Map<string, number>();

function distortion(name: string, importance?: Float32Array): number {
  const member = encoding(name);
  const planes = member.planes.map((plane) => new Uint8Array(rows * plane.rowBytes(columns)));
  member.encode!(x, rows, columns, planes, importance);
  const out = new Float32Array(x.length);
  member.decode(planes, rows, columns, out);
  const error = x.reduce((sum, v, i) => sum + (v - out[i]) ** 2, 0) / power;
  measured.set(name, error);
  return error;
}

describe("distortion on Gaussian weights", () => {
  for (const [name, plain, weighted] of oracles) {
    const check = (wanted: number, importance?: Float32Array) => {
      const error = distortion(name, importance);
      // Two digits of Q8_0 are known; TQ2_0 depends on one maximum per 256 weights.
      const tolerance = name === "q8_0" || name === "tq2_0" ? 0.02 : 0.01;
      assert.ok(Math.abs(error / wanted - 1) < tolerance, `${error}, ggml has ${wanted}`);
    };
    it(`${name} as ggml`, () => check(plain));
    if (weighted) it(`${name} with flat importance as ggml`, () => check(weighted, flat));
  }

  it("a searched symmetric grid beats both fixed rules", () => {
    for (const bits of [2, 4]) {
      const searched = distortion(`int${bits}-g32`);
      for (const rule of ["int4-g32-absmax", "int4-g32-extreme"]) {
        assert.ok(searched < distortion(rule.replace("4", String(bits))), `${bits} bits: ${rule}`);
      }
    }
  });

  it("nothing beats the Shannon bound 2^(−2R) at its true bits per weight", () => {
    for (const { name, encode } of encodings) {
      if (!encode || name === "f32") continue;
      const bits = bitsPerWeight(encoding(name), rows, columns);
      const error = measured.get(name) ?? distortion(name);
      assert.ok(error > 2 ** (-2 * bits), `${name}: ${error} at ${bits} bits`);
      assert.equal(bits, (8 * encodedBytes(encoding(name), rows, columns)) / x.length);
    }
  });
});
