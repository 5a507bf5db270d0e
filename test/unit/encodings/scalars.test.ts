import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { encoding, rowAlignment } from "../../../src/encodings";
import { f16Bits, f16Table, f16Value, f32Bits } from "../../../src/encodings/half";
import { Random } from "../../../src/core/math/prng";

function decode(name: string, bytes: readonly number[], count: number): number[] {
  const out = new Float32Array(count);
  const odd = Uint8Array.from([0xee, ...bytes]).subarray(1); // never aligned
  encoding(name).decode([odd], 1, count, out);
  return [...out];
}

describe("half precision, bit for bit", () => {
  it("every half survives the way through f32 and back", () => {
    for (let h = 0; h < 65536; h++) {
      const value = f16Table()[h];
      assert.ok(Object.is(value, f16Value(h)), `half ${h}`);
      if (value === value) assert.equal(f16Bits(value), h);
      else assert.equal(f16Bits(value) & 0x7fff, 0x7e00);
    }
  });

  it("between neighbours the nearer one wins, the even one on a tie", () => {
    for (let h = 0; h < 0x7bff; h++) {
      const [low, high] = [f16Value(h), f16Value(h + 1)];
      const middle = (low + high) / 2; // exact in f32
      assert.equal(f16Bits(middle), h & 1 ? h + 1 : h, `tie above half ${h}`);
      assert.equal(f16Bits(-middle) & 0x7fff, h & 1 ? h + 1 : h);
      assert.equal(f16Bits(middle * (1 - 2 ** -23)), h, `just below the tie above half ${h}`);
      assert.equal(f16Bits(middle * (1 + 2 ** -23)), h + 1, `just above the tie above half ${h}`);
    }
  });

  const edges: [string, number, number][] = [
    ["the largest", 65504, 0x7bff],
    ["just under overflow", 65519.99609375, 0x7bff],
    ["overflow", 65520, 0x7c00],
    ["far overflow", -3e38, 0xfc00],
    ["half of the smallest, a tie to zero", 2 ** -25, 0],
    ["just above it", 2 ** -25 * (1 + 2 ** -23), 1],
    ["negative zero", -0, 0x8000],
    ["infinity", -Infinity, 0xfc00],
  ];
  for (const [danger, value, bits] of edges) it(`f16: ${danger}`, () => assert.equal(f16Bits(value), bits));
});

describe("bfloat16", () => {
  const rows: [string, number, number][] = [
    ["a tie goes to even, down", f32From(0x3f808000), 0x3f80],
    ["a tie goes to even, up", f32From(0x3f818000), 0x3f82],
    ["just above the tie", f32From(0x3f808001), 0x3f81],
    ["denormals are kept", f32From(0x00018001), 0x0002],
    ["NaN with its payload in the low half stays NaN", f32From(0x7f800001), 0x7fc0],
    ["negative NaN keeps its sign", f32From(0xffc00000), 0xffc0],
    ["infinity", Infinity, 0x7f80],
  ];
  for (const [danger, value, bits] of rows) {
    it(danger, () => {
      const x = new Float32Array(1);
      const bytes = new Uint8Array(2);
      if (value !== value) new Uint32Array(x.buffer)[0] = danger.startsWith("negative") ? 0xffc00000 : 0x7f800001;
      else x[0] = value;
      encoding("bf16").encode!(x, 1, 1, [bytes]);
      const stored = bytes[0] | (bytes[1] << 8);
      if (value !== value) assert.equal(stored & 0x7fc0, 0x7fc0); // the platform may make it quiet, and lose the sign, on the way
      else assert.equal(stored, bits);
    });
  }
});

function f32From(bits: number): number {
  return new Float32Array(Uint32Array.of(bits).buffer)[0];
}

describe("finite weights do not become infinite unnoticed", () => {
  for (const [name, value] of [["f16", 65520], ["f16", -1e10], ["bf16", 3.4028234e38]] as const) {
    it(`${value} in ${name}`, () => {
      const encode = () => encoding(name).encode!(Float32Array.of(1, value), 1, 2, [new Uint8Array(4)]);
      assert.throws(encode, (e: Error) => e.name === "EngineError" && /cannot hold/.test(e.message));
    });
  }
  it("what is infinite or NaN already stays so", () => {
    for (const name of ["f16", "bf16"]) {
      const bytes = new Uint8Array(6);
      encoding(name).encode!(Float32Array.of(Infinity, -Infinity, NaN), 1, 3, [bytes]);
      assert.deepEqual(decode(name, [...bytes], 3), [Infinity, -Infinity, NaN]);
    }
  });
});

describe("small floats, every code as ml_dtypes reads it", () => {
  const golden = readFileSync(join(__dirname, "../../golden/encodings/smallFloats.txt"), "utf8").trim().split("\n");
  for (const line of golden) {
    const [name, ...wanted] = line.split(" ");
    it(name, () => {
      const bits = Math.log2(wanted.length);
      const bytes = new Uint8Array((wanted.length * bits) / 8);
      for (let code = 0; code < wanted.length; code++) {
        for (let b = 0; b < bits; b++) bytes[(code * bits + b) >> 3] |= ((code >> b) & 1) << ((code * bits + b) & 7);
      }
      const values = decode(name, [...bytes], wanted.length);
      const bitsOf = (v: number) => (v !== v ? "nan" : f32Bits(v).toString(16).padStart(8, "0"));
      values.forEach((v, code) => assert.equal(bitsOf(v), wanted[code], `code ${code}`));
    });
  }

  for (const name of ["f8_e4m3", "f8_e4m3fnuz", "f8_e5m2", "f8_e5m2fnuz"]) {
    it(`${name} encodes to the nearest code, even on a tie, and saturates`, () => {
      const values = decode(name, Array.from({ length: 256 }, (_, i) => i), 256);
      const finite = values.map((v, code) => ({ v, code })).filter(({ v }) => Number.isFinite(v));
      const check = (x: number) => {
        const bytes = new Uint8Array(1);
        encoding(name).encode!(Float32Array.of(x), 1, 1, [bytes]);
        const distance = Math.min(...finite.map(({ v }) => Math.abs(v - x)));
        assert.equal(Math.abs(values[bytes[0]] - x), distance, `${x} became code ${bytes[0]}`);
        const nearest = new Set(finite.filter(({ v }) => Math.abs(v - x) === distance).map(({ v }) => v));
        if (nearest.size > 1) assert.equal(bytes[0] & 1, 0, `${x} is a tie`);
      };
      const random = new Random(3);
      for (let i = 0; i < 500; i++) check(Math.fround(random.gaussian() * 10 ** (4 * random.uniform() - 2)));
      for (let i = 1; i < finite.length; i++) if (finite[i].v > finite[i - 1].v) check((finite[i].v + finite[i - 1].v) / 2);
      for (const { v } of finite) check(v);
      check(1e9);
      check(-1e9);
      const nan = new Uint8Array(1);
      encoding(name).encode!(Float32Array.of(NaN), 1, 1, [nan]);
      assert.ok(Number.isNaN(values[nan[0]]));
    });
  }
});

const doubles = (...values: number[]) => [...new Uint8Array(Float64Array.from(values).buffer)];

describe("integers", () => {
  const rows: [string, string, number[], number[]][] = [
    ["signed bytes", "i8", [0x80, 0xff, 0x7f], [-128, -1, 127]],
    ["truth values are 0 and 1 whatever byte is stored", "bool", [0, 1, 0xff], [0, 1, 1]],
    ["16 bits", "i16", [0x00, 0x80, 0xff, 0x7f], [-32768, 32767]],
    ["unsigned 16 bits", "u16", [0x00, 0x80], [32768]],
    ["32 bits round to even", "i32", [1, 0, 0, 1, 3, 0, 0, 1], [16777216, 16777220]],
    ["unsigned 32 bits are not negative", "u32", [0xff, 0xff, 0xff, 0xff], [4294967296]],
    ["64 bits", "i64", [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [-2]],
    // 2^60 + 2^36 + 1: above a tie that f64 would have lost first.
    ["64 bits are rounded once", "i64", [1, 0, 0, 0, 16, 0, 0, 16], [2 ** 60 + 2 ** 37]],
    ["64 bits, negative, rounded once", "i64", [0xff, 0xff, 0xff, 0xff, 0xef, 0xff, 0xff, 0xef], [-(2 ** 60 + 2 ** 37)]],
    ["unsigned 64 bits are not negative", "u64", [0, 0, 0, 0, 0, 0, 0, 0x80], [2 ** 63]],
    ["nibbles: the low one first, signed", "i4", [0x8f, 0x70], [-1, -8, 0, 7]],
    ["unsigned nibbles", "u4", [0x8f], [15, 8]],
    ["pairs of bits", "i2", [0b11_10_01_00], [0, 1, -2, -1]],
    ["unsigned pairs of bits", "u2", [0b11_10_01_00], [0, 1, 2, 3]],
    ["f64 overflows to infinity and rounds once", "f64", doubles(1e300, 1 + 2 ** -24 + 2 ** -50), [Infinity, 1 + 2 ** -23]],
  ];
  for (const [danger, name, bytes, values] of rows) {
    it(danger, () => assert.deepEqual(decode(name, bytes, values.length), values));
  }

  it("rows of an odd number of nibbles run on within a byte", () => {
    const out = new Float32Array(9);
    encoding("u4").decode([Uint8Array.of(0x10, 0x32, 0x54, 0x76, 0x08)], 3, 3, out);
    assert.deepEqual([...out], [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    const rows: [string, number, number][] = [["u4", 3, 2], ["i2", 3, 4], ["f6_e2m3", 3, 4], ["u4", 4, 1], ["bf16", 3, 1]];
    for (const [name, columns, alignment] of rows) assert.equal(rowAlignment(encoding(name), columns), alignment, name);
  });
});
