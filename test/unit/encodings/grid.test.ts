import assert from "node:assert/strict";
import { type Encoding, encodedBytes, encoding } from "../../../src/encodings";
import { gridName, parseGridName } from "../../../src/encodings/grid/name";
import { Random } from "../../../src/core/math/prng";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

function encode(member: Encoding, x: Float32Array, rows: number, columns: number, importance?: Float32Array): Uint8Array[] {
  const planes = member.planes.map((plane) => new Uint8Array(rows * plane.rowBytes(columns)).fill(0xa5));
  member.encode!(x, rows, columns, planes, importance);
  return planes;
}

function squaredError(member: Encoding, x: Float32Array, rows: number, columns: number, importance?: Float32Array): number {
  const out = new Float32Array(rows * columns);
  member.decode(encode(member, x, rows, columns, importance), rows, columns, out);
  return x.reduce((sum, v, i) => sum + (importance ? importance[i % columns] : 1) * (v - out[i]) ** 2, 0);
}

/** Rows of several kinds, one after another. */
function sample(rows: number, columns: number, seed: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: rows * columns }, (_, i) => {
    const kind = Math.floor(i / columns) % 4;
    const g = random.gaussian();
    return kind === 0 ? g : kind === 1 ? g * Math.exp(g) : kind === 2 ? Math.abs(g) + 0.5 : i % 37 === 5 ? 10 : 0.1 * g;
  });
}

describe("grid names", () => {
  const names: [string, string][] = [
    ["int4-g32", "int4-g32"],
    ["int4-g32-f32", "int4-g32"],
    ["int8-channel-asym-bf16", "int8-channel-asym-bf16"],
    ["int2-g16-f16", "int2-g16-f16"],
    ["int3-g32", "int3-g32"],
    ["int4-g128-f16-absmax", "int4-g128-f16-absmax"],
    ["int4-g32-extreme", "int4-g32-extreme"],
    ["int2-g32-asym", "int2-g32-asym"],
    ["int2-g32-asym-f16-minmax", "int2-g32-asym-f16-minmax"],
    ["int4-g32-asym-minmax", "int4-g32-asym"],
    ["int8-channel-asym-bf16-minmax", "int8-channel-asym-bf16"],
  ];
  for (const [name, canonical] of names) {
    it(`${name} is ${canonical}`, () => {
      assert.equal(gridName(parseGridName(name)!), canonical);
      assert.equal(encoding(name).name, canonical);
    });
  }
  const wrong = [
    "int4-g33", "int3-g16", "int5-g32", "int4-g0", "int4-g9999999", "int4", "int4-g32-f64", "int4-g32-bf16-asym", "int4-g32-asym-absmax",
    "int4-g32-minmax", "int2-g32-asym-extreme", "int2-g32-minmax-asym",
  ];
  for (const name of wrong) {
    it(`${name} is none`, () => {
      assert.equal(parseGridName(name), undefined);
      assert.throws(() => encoding(name), /no encoding called/);
    });
  }
});

describe("grid layout: what a runtime would read at these bytes", () => {
  it("codes 0..7 of MatMulNBits are 10 32 54 76, the group padded with the code of zero", () => {
    const member = encoding("int4-g16-asym");
    // 0..15: scale 1, zero point 0. Then 0 0 0 0 −15: scale 1, zero point 15, which the eleven missing codes get, too.
    const x = Float32Array.from({ length: 21 }, (_, i) => (i < 16 ? i : i === 20 ? -15 : 0));
    const [codes, scales, zeros] = encode(member, x, 1, 21);
    assert.equal(hex(codes), "1032547698badcfe" + "fffff0ffffffffff");
    assert.deepEqual([...new Float32Array(scales.buffer)], [1, 1]);
    assert.deepEqual([...zeros], [0, 15]);
  });

  it("compressed-tensors: q = −8..7 with scale 1 are the words 0x76543210 and 0xfedcba98", () => {
    const x = Float32Array.from({ length: 16 }, (_, i) => i - 8);
    const [codes, scales] = encode(encoding("int4-g16"), x, 1, 16);
    assert.equal(hex(codes), "1032547698badcfe");
    assert.deepEqual([...new Float32Array(scales.buffer)], [1]);
  });

  it("a row per channel is padded to 32-bit words", () => {
    const member = encoding("int4-channel");
    assert.equal(encodedBytes(member, 3, 9), 3 * 8 + 3 * 4);
    const [codes] = encode(member, Float32Array.from({ length: 27 }, (_, i) => (i % 9) - 8), 3, 9);
    assert.equal(hex(codes), "1032547688888888".repeat(3));
  });

  it("three bits run across bytes", () => {
    const x = Float32Array.from({ length: 32 }, (_, i) => (i % 8) - 4);
    const [codes] = encode(encoding("int3-g32"), x, 1, 32);
    assert.equal(hex(codes), "88c6fa88c6fa88c6fa88c6fa");
  });

  it("int8-qdq keeps to ±127 and puts 0 at 0", () => {
    const [codes, scales] = encode(encoding("int8-qdq"), Float32Array.of(-2, 1, 0, 2, 0, 0, 0, 0), 2, 4);
    assert.deepEqual([...new Int8Array(codes.buffer)], [-127, 64, 0, 127, 0, 0, 0, 0]); // 63.5 goes to the even neighbour
    assert.deepEqual([...new Float32Array(scales.buffer)], [Math.fround(2 / 127), 1]);
  });

  it("int8-qdq and f8-channel round to the scale as stored", () => {
    // 3/127 in bfloat16 is 0.0236816…, 3/448 is 0.0066833…, a little less than it should be.
    const x = Float32Array.of(3, -3, 0.1, 0);
    const [codes, scales] = encode(encoding("int8-qdq-bf16"), x, 1, 4);
    assert.equal(hex(scales), "c23c");
    assert.deepEqual([...new Int8Array(codes.buffer)], [127, -127, 4, 0]);
    const [floats, floatScales] = encode(encoding("F8-channel-bf16"), x, 1, 4);
    assert.equal(hex(floatScales), "db3b");
    assert.equal(hex(floats), "7efe5700"); // 448 (448.9 saturates), −448, 15 (14.96), 0
    const out = new Float32Array(4);
    encoding("f8-channel-bf16").decode([floats, floatScales], 1, 4, out);
    assert.deepEqual([...out], [448, -448, 15, 0].map((v) => Math.fround(v * 0.006683349609375)));
  });

  it("scaled 8-bit floats err by at most a sixteenth, or half a step of their subnormals", () => {
    const x = sample(4, 100, 77);
    const member = encoding("f8-channel");
    const out = new Float32Array(400);
    member.decode(encode(member, x, 4, 100), 4, 100, out);
    for (let row = 0; row < 4; row++) {
      const absmax = Math.max(...x.subarray(100 * row, 100 * row + 100).map(Math.abs));
      for (let i = 100 * row; i < 100 * row + 100; i++) {
        const bound = Math.max(Math.abs(x[i]) / 16, (absmax / 448) * 2 ** -10);
        assert.ok(Math.abs(out[i] - x[i]) <= bound * 1.0001, `${x[i]} became ${out[i]}`);
      }
    }
  });
});

describe("grid scales", () => {
  const members = ["int2-g32", "int3-g32", "int4-g32", "int4-g128-f16", "int4-channel-bf16", "int8-g32", "int8-channel-f16"];
  for (const name of members) {
    it(`${name}: the search is never worse than absmax`, () => {
      const absmax = encoding(`${name}-absmax`);
      for (let seed = 0; seed < 6; seed++) {
        for (const columns of [384, 50]) {
          const x = sample(4, columns, seed);
          for (let row = 0; row < 4; row++) {
            const part = x.subarray(row * columns, (row + 1) * columns);
            assert.ok(squaredError(encoding(name), part, 1, columns) <= squaredError(absmax, part, 1, columns) * (1 + 1e-12));
          }
        }
      }
    });
  }

  it("up to four bits the search finds the best of all scales", () => {
    for (const name of ["int2-g16", "int3-g32", "int4-g32"]) {
      const { bits, group } = parseGridName(name)!;
      const half = 2 ** (bits - 1);
      for (let seed = 0; seed < 20; seed++) {
        const x = sample(1, group, seed + 100);
        if (seed % 4 === 3) x.forEach((v, i) => (x[i] = Math.round(3 * v) / 4)); // ties
        const found = squaredError(encoding(name), x, 1, group);
        const absmax = Math.max(...x.map(Math.abs));
        let best = Infinity;
        for (let k = -4000; k <= 4000; k++) {
          const scale = Math.fround(((k / 2000) * absmax) / (half - 0.5));
          if (scale === 0) continue;
          let error = 0;
          for (const v of x) error += (v - scale * Math.max(-half, Math.min(half - 1, Math.round(v / scale)))) ** 2;
          best = Math.min(best, error);
        }
        assert.ok(found <= best * (1 + 1e-6), `${name}, seed ${seed}: ${found}, a plain search finds ${best}`);
      }
    }
  });

  it("searched zero points are never worse than the range's own, nor than symmetric scales", () => {
    for (const name of ["int2-g32-asym", "int3-g32-asym", "int2-g32-asym-f16", "int2-channel-asym-bf16"]) {
      for (let seed = 0; seed < 6; seed++) {
        for (const columns of [384, 50]) {
          const x = sample(4, columns, seed);
          for (let row = 0; row < 4; row++) {
            const part = x.subarray(row * columns, (row + 1) * columns);
            const found = squaredError(encoding(name), part, 1, columns) / (1 + 1e-12);
            for (const other of [`${name}-minmax`, name.replace("-asym", "")]) {
              assert.ok(found <= squaredError(encoding(other), part, 1, columns), `${name} against ${other}, seed ${seed}, row ${row}`);
            }
          }
        }
      }
    }
  });

  it("two bits and a zero point: no codes of any scale do better", () => {
    const random = new Random(31);
    for (let round = 0; round < 60; round++) {
      const count = 1 + random.integer(6);
      const value = [
        () => random.gaussian(), () => random.gaussian() ** 3, () => random.uniform() + 0.2, () => Math.round(3 * random.gaussian()) / 4,
      ][round % 4];
      const x = Float32Array.from({ length: count }, value);
      // Every assignment of codes −z … 3 − z with its least-squares scale.
      const energy = x.reduce((sum, v) => sum + v * v, 0);
      let best = energy;
      for (let zero = 0; zero < 4; zero++) {
        for (let codes = 0; codes < 4 ** count; codes++) {
          let xq = 0;
          let qq = 0;
          for (let i = 0; i < count; i++) {
            const q = ((codes >> (2 * i)) & 3) - zero;
            xq += x[i] * q;
            qq += q * q;
          }
          if (xq > 0) best = Math.min(best, energy - (xq * xq) / qq);
        }
      }
      const found = squaredError(encoding("int2-channel-asym"), x, 1, count);
      assert.ok(found <= best + 1e-6 * energy, `${[...x]}: ${found}, the best codes leave ${best}`);
    }
  });

  it("importance moves the error away from what matters", () => {
    const x = sample(1, 128, 9);
    const importance = Float32Array.from({ length: 128 }, (_, i) => (i % 8 === 0 ? 100 : i % 5 === 0 ? 0 : 1));
    for (const name of ["int4-g32", "int2-g32-asym"]) {
      const member = encoding(name);
      assert.ok(squaredError(member, x, 1, 128, importance) < weightedError(member, x, importance), name);
    }
  });

  function weightedError(member: Encoding, x: Float32Array, importance: Float32Array): number {
    const out = new Float32Array(x.length);
    member.decode(encode(member, x, 1, x.length), 1, x.length, out);
    return x.reduce((sum, v, i) => sum + importance[i] * (v - out[i]) ** 2, 0);
  }

  it("codes are computed with the scale as stored: no code is farther than the nearest", () => {
    for (const name of ["int4-g32-bf16", "int4-g32-asym-f16", "int8-g32-asym-bf16", "int2-g32-asym-f16", "int4-g32-absmax", "int4-g32-extreme"]) {
      const member = encoding(name);
      const x = sample(4, 64, 21);
      const planes = encode(member, x, 4, 64);
      const out = new Float32Array(256);
      member.decode(planes, 4, 64, out);
      for (let g = 0; g < 8; g++) {
        const values = [...out.subarray(32 * g, 32 * g + 32)];
        const levels = [...new Set(values)];
        for (let i = 0; i < 32; i++) {
          const distance = Math.abs(x[32 * g + i] - values[i]);
          for (const level of levels) {
            assert.ok(Math.abs(x[32 * g + i] - level) >= distance * (1 - 1e-6), `${name}: group ${g}, weight ${i}`);
          }
        }
      }
    }
  });

  it("zero point of the range: 0 is on the grid and the range is covered", () => {
    const x = sample(4, 96, 5);
    for (let i = 0; i < x.length; i += 7) x[i] = 0;
    for (const name of ["int4-g32-asym", "int8-g32-asym-f16", "int2-channel-asym-minmax"]) {
      const member = encoding(name);
      const planes = encode(member, x, 4, 96);
      const out = new Float32Array(x.length);
      member.decode(planes, 4, 96, out);
      for (let i = 0; i < x.length; i += 7) assert.equal(out[i], 0, name);
      const groups = planes[2].length / 4;
      const size = 96 / groups;
      // No error is more than half a step and what rounding the zero point costs.
      for (let i = 0; i < x.length; i++) {
        const group = x.subarray(Math.floor(i / size) * size, Math.floor(i / size) * size + size);
        const range = Math.max(0, ...group) - Math.min(0, ...group);
        const step = range / (2 ** parseGridName(name)!.bits - 1);
        assert.ok(Math.abs(x[i] - out[i]) <= step * 1.001, `${name}: ${x[i]} became ${out[i]}`);
      }
    }
  });

  const strange: [string, number[]][] = [
    ["all zero", [0, -0]],
    ["denormal", [2 ** -149, -(2 ** -140)]],
    ["under the smallest half", [1e-12, -1e-12]],
    ["huge", [3.4e38, -1e38]],
    ["too large for a half-precision scale", [1e30, 2]],
    ["one value", [0.3]],
    ["one sign", [1, 2, 3]],
    ["the extreme is positive", [1, -0.5]],
  ];
  for (const [danger, values] of strange) {
    it(`${danger}: scales stay finite and not zero, the result no farther from the weights than zeros are`, () => {
      const x = Float32Array.from({ length: 32 }, (_, i) => values[i % values.length]);
      for (const base of ["int2-g32", "int4-g32", "int8-g32", "int4-channel", "int8-qdq", "f8-channel"]) {
        const slack = base === "int2-g32" ? 1.4 : 1.001; // four levels may be farther from a small weight than 0 is
        const suffixes = ["", "-f16", "-bf16", "-asym", "-asym-f16", "-asym-bf16", "-absmax", "-extreme"];
        for (const suffix of suffixes.slice(0, base.startsWith("int") && base !== "int8-qdq" ? 8 : 3)) {
          const member = encoding(base + suffix);
          const planes = encode(member, x, 1, 32);
          const out = new Float32Array(32);
          member.decode(planes, 1, 32, out);
          assert.ok(out.every(Number.isFinite), `${member.name}: ${out[0]}`);
          out.forEach((v, i) => assert.ok(Math.abs(v - x[i]) <= Math.abs(x[i]) * slack, `${member.name}: ${x[i]} became ${v}`));
          if (danger === "all zero") assert.ok(out.every((v) => v === 0));
        }
      }
    });
  }

  it("NaN and infinity are named by place", () => {
    const x = new Float32Array(64);
    x[37] = NaN;
    assert.throws(() => encode(encoding("int4-g32"), x, 2, 32), /NaN \(row 1, column 5\)/);
    x[37] = 0;
    x[3] = -Infinity;
    assert.throws(() => encode(encoding("int8-qdq"), x, 2, 32), /-Infinity \(row 0, column 3\)/);
    assert.throws(() => encode(encoding("q4_0"), x, 2, 32), /Q4_0 cannot store -Infinity \(row 0, column 3\)/);
  });
});
