import assert from "node:assert/strict";
import { Random } from "../../../src/core/math/prng";
import { type Encoding, encodedBytes, encoding, encodings, rowAlignment } from "../../../src/encodings";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

function encode(member: Encoding, x: Float32Array, rows: number, columns: number): Uint8Array[] {
  const planes = member.planes.map((plane) => new Uint8Array(Math.ceil(rows * plane.rowBytes(columns))).fill(0xa5));
  member.encode!(x, rows, columns, planes);
  return planes;
}

const noise = (count: number, seed: number) => {
  const random = new Random(seed);
  return Float32Array.from({ length: count }, () => random.gaussian());
};

describe("blockwise DequantizeLinear's encodings", () => {
  it("INT4 is two's complement, two codes per byte, running on over the end of an odd row", () => {
    // Levels −8..7 in steps of 1, then three zeros: the second block is short, the second row begins in the middle of a byte.
    const row = Array.from({ length: 19 }, (_, i) => (i < 16 ? i - 8 : 0));
    const [codes, scales] = encode(encoding("int4-qdq-g16"), Float32Array.from([...row, ...row]), 2, 19);
    assert.equal(hex(codes), "98badcfe1032547600" + "80a9cbed0f21436507" + "00");
    assert.deepEqual([...new Float32Array(scales.buffer)], [1, 1, 1, 1]);
  });

  it("UINT4 has zero points packed like the codes", () => {
    const x = Float32Array.from({ length: 48 }, (_, i) => (i < 16 ? i : i < 32 ? 16 - i : (i % 16) - 8));
    const [codes, scales, zeros] = encode(encoding("int4-qdq-g16-asym"), x, 1, 48);
    assert.equal(hex(zeros), "f008");
    assert.deepEqual([...new Float32Array(scales.buffer)], [1, 1, 1]);
    assert.equal(hex(codes), "1032547698badcfe" + "efcdab8967452301" + "1032547698badcfe");
  });

  it("INT8 is one byte, around 0", () => {
    const x = Float32Array.from({ length: 32 }, (_, i) => (i === 0 ? -127 : i === 1 ? 127 : 0));
    const [codes, scales] = encode(encoding("int8-qdq-g32"), x, 1, 32);
    const scale = new Float32Array(scales.buffer)[0];
    const levels = new Int8Array(codes.buffer);
    assert.equal(levels[0], -levels[1]);
    assert.ok(Math.abs(levels[1] * scale - 127) < 0.5);
  });

  const names = ["int4-qdq-g32", "int4-qdq-g32-asym", "int8-qdq-g32", "int8-qdq-g128-asym"];
  for (const name of names) {
    it(`${name}: what is decoded is near, and scales are positive`, () => {
      const [rows, columns] = [6, 83];
      const x = noise(rows * columns, 5).map((v, i) => (i < columns ? Math.abs(v) : v)); // one-sided rows tempt a negative scale
      const member = encoding(name);
      assert.equal(member.name, name);
      const planes = encode(member, x, rows, columns);
      assert.equal(planes.reduce((sum, p) => sum + p.length, 0), encodedBytes(member, rows, columns));
      const scales = new Float32Array(planes[1].buffer);
      assert.ok(scales.every((s) => s > 0));
      const out = new Float32Array(rows * columns);
      member.decode(planes, rows, columns, out);
      const group = Number(/g(\d+)/.exec(name)![1]);
      const groups = Math.ceil(columns / group);
      const slack = name.includes("asym") ? 0.51 : 1.01; // the largest level of one side may be missing
      x.forEach((v, i) => {
        const scale = scales[Math.floor(i / columns) * groups + Math.floor((i % columns) / group)];
        assert.ok(Math.abs(v - out[i]) <= slack * scale, `${v} became ${out[i]} with scale ${scale}`);
      });
    });

    it(`${name}: windows at the row alignment are the same bytes as the whole`, () => {
      const [rows, columns] = [6, 83];
      const member = encoding(name);
      const x = noise(rows * columns, 9);
      const whole = encode(member, x, rows, columns);
      const step = rowAlignment(member, columns);
      const parts: Buffer[][] = member.planes.map(() => []);
      for (let row = 0; row < rows; row += step) {
        encode(member, x.subarray(row * columns, (row + step) * columns), step, columns).forEach((p, i) => parts[i].push(Buffer.from(p)));
      }
      assert.deepEqual(parts.map((p) => hex(Buffer.concat(p))), whole.map(hex));
    });
  }

  it("what cannot be stored is refused by the encoding's own name", () => {
    assert.throws(() => encode(encoding("int4-qdq-g32"), Float32Array.of(1, NaN), 1, 2), /int4-qdq-g32 cannot store NaN \(row 0, column 1\)/);
  });

  for (const wrong of ["int4-qdq-g0", "int2-qdq-g32", "int4-qdq-channel", "int4-qdq-g32-f16", "int4-qdq-g3"]) {
    it(`${wrong} is none`, () => assert.throws(() => encoding(wrong), /no encoding called/));
  }

  it("are in the list once", () => {
    for (const name of names.slice(0, 3)) assert.equal(encodings.filter((e) => e.name === name).length, 1);
  });
});
