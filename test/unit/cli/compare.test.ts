import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as path from "node:path";
import type { TensorComparison } from "../../../src/core/api/compare";
import { byDamage } from "../../../src/metrics";
import { TemporaryFolder } from "../../builders/folder";
import { safetensorsFile } from "../../builders/safetensors";

const program = path.join(__dirname, "../../../dist/cli.js");

function run(...args: string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, "compare", ...args], { encoding: "utf8" });
  return { status, out: stdout, err: stderr };
}

const tensor = (shape: readonly number[], values: readonly number[]) => ({ dtype: "F32", shape, data: new Uint8Array(Float32Array.from(values).buffer) });

describe("command line: compare", () => {
  let folder: TemporaryFolder;
  let a: string;
  let b: string;
  before(() => {
    folder = new TemporaryFolder();
    const same = tensor([2, 2], [1, 2, 3, 4]);
    a = folder.put("a.safetensors", safetensorsFile({
      "layers.0.mlp.up_proj.weight": tensor([2, 2], [3, 0, 0, 4]), "layers.0.mlp.gate_proj.weight": tensor([2, 2], [1, 0, 0, 1]),
      "norm.weight": tensor([1], [1]), same, "only.here": tensor([1], [1]), "other\u001b[31m": tensor([2], [1, 2]),
    }));
    b = folder.put("b.safetensors", safetensorsFile({
      "layers.0.mlp.up_proj.weight": tensor([2, 2], [3, 0, 0, 4.5]), "layers.0.mlp.gate_proj.weight": tensor([2, 2], [0, 0, 0, 1]),
      "norm.weight": tensor([1], [NaN]), same, "other\u001b[31m": tensor([3], [1, 2, 3]),
    }));
  });
  after(() => folder.remove());

  it("prints the most damaged first, then what was not compared", () => {
    const { status, out, err } = run(a, b);
    assert.equal(err, "");
    assert.equal(status, 0);
    const lines = out.split("\n").map((line) => line.replace(/ {2,}/g, "  "));
    assert.match(lines[0], /^A {2}\S+a\.safetensors: safetensors, .*6 tensors/);
    assert.match(lines[1], /^B {2}\S+b\.safetensors: safetensors, .*5 tensors/);
    assert.match(lines[2], /^4 pairs of tensors, 1 equal; SQNR over all -∞ dB;/);
    const at = lines.findIndex((line) => line.startsWith("tensor  shape"));
    assert.deepEqual(lines.slice(at, at + 5), [
      "tensor  shape  encodings  SQNR dB  error  max |Δ|  worst out  worst in",
      "norm.weight  1  F32 → F32  -∞  ∞  0  -  -  1 not finite",
      "layers.0.mlp.gate_proj.weight  2×2  F32 → F32  3.01  0.500  1.00  0 (100 %)  0 (100 %)",
      "layers.0.mlp.up_proj.weight  2×2  F32 → F32  20.0  0.0100  0.500  1 (100 %)  1 (100 %)",
      "same  2×2  F32 → F32  ∞  0  0  -  -",
    ]);
    assert.deepEqual(lines.slice(at + 5), ["", "Not compared (2):", "other\ufffd[31m: 2 against 3.", "only.here is in the first model only.", ""]);
  });

  it("prints one JSON document, a tensor a line, non-finite numbers as text", () => {
    const { status, out, err } = run(a, b, "--json");
    assert.equal(status, 0, err);
    const document = JSON.parse(out);
    assert.deepEqual(Object.keys(document), ["a", "b", "total", "tensors", "unmatched", "failed"]);
    assert.deepEqual([document.a.tensorCount, document.b.tensorCount, document.total.sqnr], [6, 5, "-Infinity"]);
    assert.deepEqual(document.tensors.map((t: { a: { name: string }; sqnr: unknown }) => [t.a.name, typeof t.sqnr === "number" ? "number" : t.sqnr]), [
      ["norm.weight", "-Infinity"], ["layers.0.mlp.gate_proj.weight", "number"], ["layers.0.mlp.up_proj.weight", "number"], ["same", "Infinity"],
    ]);
    const [, gate] = document.tensors;
    assert.deepEqual([gate.squaredError, gate.relativeSquaredError, gate.maxDifference, gate.worstOutputs, gate.a], [
      1, 0.5, 1, [{ index: 0, share: 1 }], { name: "layers.0.mlp.gate_proj.weight", shape: [2, 2], encoding: "F32" },
    ]);
    // f32 1 is 0x3f800000: bin 0x3f8.
    assert.deepEqual([gate.logHistogramA, gate.logHistogramB], [{ bins: [0, 0x3f8], counts: [2, 2] }, { bins: [0, 0x3f8], counts: [3, 1] }]);
    assert.deepEqual(document.unmatched.map((u: { reason: string }) => u.reason), ["shape", "missing"]);
    assert.equal(out.split("\n").filter((line) => line.startsWith('{"a":{"name"')).length, 4);
  });

  it("a model against itself is equal throughout", () => {
    const { out } = run(a, a);
    assert.match(out, /^6 pairs of tensors, 6 equal; SQNR over all ∞ dB;/m);
    assert.doesNotMatch(out, /Not compared/);
  });

  for (const [what, args, status, pattern] of [
    ["nothing in common", ["@a", "@other"], 1, /^bitlens: These models .* have nothing to compare: .*\n$/],
    ["a file that is not there", ["@a", "@missing"], 1, /^bitlens: [^\n]*missing[^\n]*\n$/],
    ["one model only", ["@a"], 2, /^bitlens: missing required argument 'B'[^\n]*\n$/],
  ] as const) {
    it(`says in one sentence: ${what}`, () => {
      const other = folder.put("other.safetensors", safetensorsFile({ nothing: tensor([1], [1]) }));
      const places: Record<string, string> = { "@a": a, "@other": other, "@missing": path.join(folder.path, "missing.gguf") };
      const outcome = run(...args.map((arg) => places[arg]));
      assert.equal(outcome.status, status, outcome.err);
      assert.match(outcome.err, pattern);
      assert.equal(outcome.out, "");
    });
  }

  it("orders what is equally damaged by difference, layer and name", () => {
    const one = (name: string, sqnr: number, maxDifference: number, layer?: number) =>
      ({ a: { name }, sqnr, maxDifference, layer }) as unknown as TensorComparison;
    const sorted = byDamage([one("z", Infinity, 0), one("b", Infinity, 0, 1), one("c", 3, 1), one("d", 3, 2), one("a", Infinity, 0, 1), one("y", -Infinity, 0)]);
    assert.deepEqual(sorted.map((c) => c.a.name), ["y", "d", "c", "z", "a", "b"]);
  });
});
