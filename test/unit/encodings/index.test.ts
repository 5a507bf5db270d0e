import assert from "node:assert/strict";
import type { ScalarType } from "../../../src/core/model";
import { bitsPerWeight, encodedBytes, encoding, encodingFacts, encodings, fits } from "../../../src/encodings";

const scalars: ScalarType[] = [
  "f64", "f32", "f16", "bf16", "f8_e4m3", "f8_e4m3fnuz", "f8_e5m2", "f8_e5m2fnuz", "f8_e8m0", "f6_e2m3", "f6_e3m2", "f4",
  "i64", "i32", "i16", "i8", "u64", "u32", "u16", "u8", "bool", "i4", "u4", "i2", "u2",
];

describe("the list of encodings", () => {
  it("has every scalar type under its own name", () => {
    for (const type of scalars) assert.equal(encoding(type).name, type);
  });

  it("has no name twice, and finds each whatever its case", () => {
    assert.equal(new Set(encodings.map((e) => e.name.toLowerCase())).size, encodings.length);
    for (const member of encodings) {
      assert.equal(encoding(member.name), member);
      assert.equal(encoding(member.name.toUpperCase()), member);
    }
  });

  it("offers nothing read-only but what GGUF files hold already", () => {
    for (const { name, targets, encode } of encodings) {
      const readOnly = encode === undefined;
      assert.ok(!readOnly || targets.every((target) => target === "gguf"), name); // ggml's codebook types exist in GGUF files
    }
  });

  const sizes: [string, number, number, number][] = [
    ["q4_0", 2, 64, 4.5], ["q4_K", 1, 256, 4.5], ["q6_K", 1, 256, 6.5625], ["iq1_s", 1, 256, 1.5625], ["q1_0", 1, 128, 1.125],
    ["tq1_0", 1, 256, 1.6875], ["f4", 1, 3, 16 / 3], ["i4", 3, 3, 40 / 9], ["int4-g32", 1, 32, 5],
    ["int4-g32-asym-f16", 1, 32, 4.75],
    ["int4-g128-bf16", 1, 100, 5.28],
  ];
  for (const [name, rows, columns, bits] of sizes) {
    it(`${name} takes ${bits} bits per weight of ${rows} × ${columns}`, () => {
      assert.ok(Math.abs(bitsPerWeight(encoding(name), rows, columns) - bits) < 1e-12);
    });
  }

  const unknown: [string, RegExp][] = [
    ["q4_k_m", /no encoding called "q4_k_m"; did you mean .*q4_K/],
    ["Q40", /did you mean q4_0/],
    ["int4g32", /did you mean int4-g32/],
    ["fp16", /did you mean f16/],
    ["something else entirely", /no encoding called "something else entirely"\.$/],
    ["__proto__", /no encoding called "__proto__"/],
    ["", /no encoding called ""/],
  ];
  for (const [name, message] of unknown) {
    it(`"${name}" is not guessed`, () => {
      assert.throws(() => encoding(name), (e: Error & { code?: string }) => e.code === "bad-request" && message.test(e.message));
      assert.equal(encodingFacts.fits(name, 256), false);
    });
  }

  it("tells formats which rows fit and what each plane takes", () => {
    assert.equal(encodingFacts.fits("q4_K", 384), false);
    assert.equal(encodingFacts.fits("q4_0", 384), true);
    assert.equal(encodingFacts.fits("q4_0", 0), false);
    assert.equal(encodingFacts.fits("int4-g32", 33), true);
    assert.deepEqual(encodingFacts.planeBytes("int4-g32-asym-bf16", 3, 33), [3 * 32, 3 * 4, 3 * 2]);
    assert.deepEqual(encodingFacts.planeBytes("i4", 3, 3), [5]);
    for (const member of encodings) {
      const planes = encodingFacts.planeBytes(member.name, 5, 512);
      assert.equal(planes.reduce((a, b) => a + b, 0), encodedBytes(member, 5, 512), member.name);
      assert.equal(encodingFacts.fits(member.name, 512), fits(member, 512));
    }
  });
});
