import assert from "node:assert/strict";
import { type Encoding, encoding, encodings } from "../../../src/encodings";
import { fitTernary } from "../../../src/core/math/lsbq/fit";
import { defaultMethod, method, type MethodRequest, methods } from "../../../src/methods";
import { gaussians, relativeError } from "../../builders/random";

interface Through {
  readonly name: string;
  readonly member: Encoding;
  readonly x: Float32Array;
  readonly columns: number;
  readonly options?: MethodRequest["options"];
  readonly importance?: Float32Array;
}

function through({ name, member, x, columns, options, importance }: Through) {
  const rows = x.length / columns;
  const planes = member.planes.map((p) => new Uint8Array(Math.ceil(rows * p.rowBytes(columns))).fill(0xa5));
  method(name).encode({ encoding: member, x, rows, columns, planes, options, statistics: importance && { importance } });
  const out = new Float32Array(x.length);
  member.decode(planes, rows, columns, out);
  return { planes, out };
}

describe("methods", () => {
  it("every method says of every encoding whether it supports it, and does so when it does", () => {
    const x = gaussians(2 * 256, 1);
    for (const { name, supports } of methods) {
      for (const member of encodings) {
        if (!supports(member)) continue;
        const { out } = through({ name, member, x, columns: 256 });
        assert.ok(out.every(Number.isFinite), `${name} into ${member.name}`);
      }
    }
  });

  it("rounding to nearest is the encoding's own rule, importance included", () => {
    const x = gaussians(512, 2);
    const importance = Float32Array.from({ length: 256 }, (_, i) => 1 + (i % 5));
    for (const name of ["q4_K", "int4-g32", "bf16"]) {
      const member = encoding(name);
      const want = member.planes.map((p) => new Uint8Array(2 * p.rowBytes(256)));
      member.encode!(x, 2, 256, want, importance);
      assert.deepEqual(through({ name: "rtn", member, x, columns: 256, importance }).planes, want);
    }
  });

  // ggml's ternary blocks: level = max |x|, so values that are −L, 0, L already are stored without loss but for the half.
  for (const [name, block] of [
    ["tq1_0", 256],
    ["tq2_0", 256],
    ["q2_0", 64],
  ] as const) {
    it(`least-squares ternary into ${name}: the exact fit of each block of ${block}, up to the half-precision level`, () => {
      const x = gaussians(1024, 3, 0.02);
      const { out } = through({ name: "lsbq", member: encoding(name), x, columns: 512 });
      for (let from = 0; from < x.length; from += block) {
        const { level, threshold } = fitTernary(x.subarray(from, from + block));
        for (let i = from; i < from + block; i++) {
          const want = Math.abs(x[i]) > threshold ? Math.sign(x[i]) * level : 0;
          assert.ok(Math.abs(out[i] - want) <= level * 2 ** -11, `weight ${i}: ${out[i]}, not ${want}`);
        }
      }
      const lost = relativeError(x, out);
      const plain = relativeError(x, through({ name: "rtn", member: encoding(name), x, columns: 512 }).out);
      assert.ok(lost < 0.21 && plain > 2 * lost, `${lost}, rounded ${plain}`);
    });
  }

  it("zeros go through ggml's ternary blocks", () => {
    assert.ok(
      through({ name: "lsbq", member: encoding("tq2_0"), x: new Float32Array(256), columns: 256 }).out.every((v) => v === 0),
    );
  });

  it("the greedy fit is there for comparison and never better", () => {
    const x = gaussians(1024, 4);
    for (const name of ["lsbq2-g128", "lsbq3-g64", "lsbq4-row"]) {
      const member = encoding(name);
      const exact = relativeError(x, through({ name: "lsbq", member, x, columns: 512 }).out);
      const greedy = relativeError(x, through({ name: "lsbq", member, x, columns: 512, options: { fit: "greedy" } }).out);
      assert.ok(exact < greedy, `${name}: ${exact}, greedy ${greedy}`);
    }
  });

  const defaults = [
    ["q4_K", "rtn"],
    ["q1_0", "rtn"],
    ["lsbq2-g64", "lsbq"],
    ["ternary-row", "lsbq"],
    ["pvq-g8-k6-b3", "pvq"],
    ["f16", "rtn"],
  ];
  for (const [name, want] of defaults)
    it(`${name} is made by ${want} unless told otherwise`, () => assert.equal(defaultMethod(encoding(name)).name, want));

  it("PVQ is labelled a reconstruction", () => assert.equal(method("PVQ").label, "PVQ (reconstruction)"));

  const refused: [string, string, MethodRequest["options"], RegExp][] = [
    ["pvq", "q4_0", undefined, /method pvq cannot produce Q4_0/],
    ["lsbq", "int4-g32", undefined, /method lsbq cannot produce/],
    ["lsbq", "lsbq2-g64", { fits: 1 }, /no option "fits"; it knows fit/],
    ["lsbq", "lsbq2-g64", { fit: "best" }, /"exact" or "greedy", not "best"/],
    ["lsbq", "tq2_0", { fit: "greedy" }, /fitted exactly/],
    ["rtn", "q4_0", { group: 3 }, /no option "group"; it has none/],
    ["rtn", "iq2_xxs", undefined, /cannot produce/],
  ];
  for (const [name, member, options, message] of refused) {
    it(`refused: ${name} into ${member}${options ? ` with ${JSON.stringify(options)}` : ""}`, () => {
      assert.throws(() => through({ name, member: encoding(member), x: new Float32Array(256), columns: 256, options }), {
        code: "bad-request",
        message,
      });
    });
  }

  it("NaN is refused by every method", () => {
    const x = new Float32Array(256);
    x[3] = NaN;
    for (const [name, member] of [
      ["rtn", "q4_0"],
      ["lsbq", "lsbq2-g64"],
      ["lsbq", "tq2_0"],
      ["pvq", "pvq-g16-k27-b4"],
    ]) {
      assert.throws(() => through({ name, member: encoding(member), x, columns: 256 }), /NaN/, `${name} into ${member}`);
    }
  });

  it("an unknown method is named with those that exist", () =>
    assert.throws(() => method("gptx"), /no method called "gptx"; there are rtn, lsbq, pvq/));
});
