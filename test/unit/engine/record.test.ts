import assert from "node:assert/strict";
import { packRecord, unpackRecord } from "../../../src/engine/record";
import { report } from "../../builders/report";

const values: readonly (readonly [string, unknown])[] = [
  ["nothing", null],
  ["text beyond ASCII", { name: "模型.§.\u0000\ud83d\ude00" }],
  ["numbers that JSON does not know", { a: Number.NaN, b: Infinity, c: -Infinity, d: -0, e: 0, f: 5e-324, g: 0.1 + 0.2 }],
  ["arrays of every type, empty ones too", {
    f32: Float32Array.of(1.5, Number.NaN, -0, Infinity), f64: Float64Array.of(0.1, -Infinity), u8: Uint8Array.of(1, 2, 3), u16: Uint16Array.of(65535),
    u32: Uint32Array.of(4294967295), i32: Int32Array.of(-1), none: new Float32Array(),
  }],
  ["a view into a larger buffer", new Float32Array(Float32Array.of(1, 2, 3, 4).buffer, 4, 2)],
  ["a report with what is not finite", { ...report("t", Float32Array.of(1, -2, 3, 0, Number.NaN, 7, 8, Infinity), 4), none: undefined }],
];

describe("a record", () => {
  for (const [what, value] of values) {
    it(`of ${what} gives back what was put in`, () => {
      const found = unpackRecord(packRecord(value));
      // Fields that are undefined are absent, which is the same to every reader.
      assert.deepEqual(found, typeof value === "object" && value !== null && "none" in value && value.none === undefined ? without(value) : value);
    });
  }

  it("gives arrays buffers of their own, of exactly their size", () => {
    const { a } = unpackRecord(packRecord({ a: Float32Array.of(1, 2, 3), b: new Uint8Array(100) })) as { a: Float32Array };
    assert.deepEqual([a.byteOffset, a.buffer.byteLength], [0, 12]);
  });

  it("is read wherever it lies in a buffer", () => {
    const bytes = packRecord({ a: Float64Array.of(1, 2) });
    const larger = new Uint8Array(bytes.length + 3);
    larger.set(bytes, 3);
    assert.deepEqual(unpackRecord(larger.subarray(3)), { a: Float64Array.of(1, 2) });
    for (const at of [0, 8]) {
      const pooled = Buffer.from(new ArrayBuffer(bytes.length + 16), at, bytes.length);
      pooled.set(bytes);
      const { a } = unpackRecord(pooled) as { a: Float64Array };
      assert.deepEqual([a, a.buffer.byteLength], [Float64Array.of(1, 2), 16]);
    }
  });

  it("is not believed when any of its bits is another, or a part is missing", () => {
    const bytes = packRecord({ name: "t", values: Float32Array.of(1, 2, 3) });
    for (let at = 0; at < bytes.length; at++) {
      for (const bit of [1, 128]) {
        const spoilt = bytes.slice();
        spoilt[at] ^= bit;
        assert.equal(unpackRecord(spoilt), undefined, `byte ${at}`);
      }
      assert.equal(unpackRecord(bytes.slice(0, at)), undefined, `${at} bytes`);
    }
  });
});

function without(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined));
}
