import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import * as fs from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { journalIn } from "../../builders/journals";
import { safetensorsFile } from "../../builders/safetensors";
import { writeDenseModel, writeSparseModel } from "../../builders/sparseModel";
import { inFolder } from "../../builders/toyModel";

const root = path.join(__dirname, "../../..");
const program = path.join(root, "dist/cli.js");
const sample = path.join(root, "media/sample");

/** What the commands under test would keep for the person who runs them. */
const cache = mkdtempSync(path.join(os.tmpdir(), "bitlens-cache-"));
after(() => rmSync(cache, { recursive: true, force: true }));

/** One matrix, one of whose values is NaN. */
function nanModel(): Uint8Array {
  const values = Float32Array.from({ length: 64 * 128 }, (_, i) => (i === 5 ? NaN : Math.sin(i)));
  return safetensorsFile({ "a.weight": { dtype: "F32", shape: [64, 128], data: new Uint8Array(values.buffer) } });
}

interface Outcome {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the built command line; `during` may act on it while it runs. */
function run(args: readonly string[], during?: (child: ReturnType<typeof spawn>) => Promise<void>): Promise<Outcome> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, XDG_CACHE_HOME: cache } });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk) => (out += chunk));
  child.stderr.on("data", (chunk) => (err += chunk));
  return new Promise((resolve, reject) => {
    child.once("close", (status, signal) => resolve({ status, signal, out, err }));
    during?.(child).catch((error) => {
      child.kill("SIGKILL");
      reject(error);
    });
  });
}

async function runJson(args: readonly string[]) {
  const { status, out, err } = await run([...args, "--json"]);
  assert.equal(status, 0, err);
  assert.equal(err, "");
  return JSON.parse(out);
}

/** Fails in one sentence: no stack, no second line. */
async function checkFails(args: readonly string[], status: number, pattern: RegExp): Promise<void> {
  const outcome = await run(args);
  assert.equal(outcome.status, status, outcome.err);
  assert.match(outcome.err, pattern);
  assert.match(outcome.err, /^bitlens: [^\n]+\n(\(Did you mean [^\n]+\n)?$/);
  assert.equal(outcome.out, "");
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe("command line", () => {
  it("info prints the header of the sample as one document", async () => {
    const { model, tensors } = await runJson(["info", sample]);
    assert.deepEqual(Object.keys(model), ["path", "format", "architecture", "tensorCount", "parameterCount", "byteLength", "problems"]);
    assert.deepEqual([model.format, model.architecture, model.tensorCount, model.parameterCount], ["safetensors", "LlamaForCausalLM", 38, 3672320]);
    assert.deepEqual(model.problems, []);
    assert.equal(tensors.length, 38);
    for (const t of tensors) assert.deepEqual(Object.keys(t), ["name", "shape", "encoding", "byteLength", "elementCount", "bitsPerWeight"]);
  });

  it("info for people aligns one line per tensor", async () => {
    const { status, out } = await run(["info", path.join(sample, "model.safetensors")]);
    assert.equal(status, 0);
    assert.match(out, /safetensors, LlamaForCausalLM, 38 tensors, 4 layers, 3\.67 M parameters, 7\.\d\d MB in 1 file, 16\.0 bits per weight/);
    assert.match(out, /^model\.embed_tokens\.weight +2048×256 +BF16 +16\.0 +1\.05 MB$/m);
  });

  it("analyze computes what the document promises, and the counts add up", async () => {
    const { tensors } = await runJson(["analyze", sample, "--tensor", "model.layers.0.*", "--tensor", "model.norm.weight", "-e", "q8_0", "-e", "int4-g32"]);
    assert.equal(tensors.length, 10);
    for (const t of tensors) {
      const { stats, histogram, outliers, errors } = t;
      assert.equal(histogram.counts.length, 256);
      assert.equal(histogram.counts.reduce((a: number, b: number) => a + b, 0), t.elementCount);
      assert.equal(histogram.high, stats.absMax);
      assert.equal(histogram.low, -stats.absMax);
      assert.ok(Math.max(-stats.min, stats.max) === stats.absMax && stats.min <= stats.mean && stats.mean <= stats.max);
      assert.deepEqual(errors.map((e: { encoding: string }) => e.encoding), ["q8_0", "int4-g32"]);
      for (const e of errors) assert.ok(Math.abs(e.sqnr + 10 * Math.log10(e.relativeSquaredError)) < 1e-6, t.name);
      assert.ok(errors[0].sqnr > errors[1].sqnr);
      if (t.shape.length === 1) {
        assert.equal(outliers, undefined);
        continue;
      }
      for (const [side, channels] of [["output", t.shape[0]], ["input", t.shape[1]]]) {
        const o = outliers[side];
        assert.deepEqual(Object.keys(o), ["median", "over1_5", "over2", "over4", "channels"]);
        assert.equal(o.channels.length, Math.min(64, channels));
        for (const c of o.channels) assert.ok(Math.abs(c.ratio - c.absMax / o.median) < 1e-5);
        assert.equal(o.channels[0].ratio, Math.max(...o.channels.map((c: { ratio: number }) => c.ratio)));
      }
    }
  });

  it("analyze for people ranks layers by outlier ratio", async () => {
    const { status, out, err } = await run(["analyze", sample, "-e", "q4_0", "--threads", "1"]);
    assert.equal(status, 0, err);
    assert.equal(err, "", "progress is for terminals only");
    const ratios = [...out.matchAll(/^model\.\S+ +\d+×\d+ +BF16 +([\d.]+)× +([\d.]+)×/gm)].map((m) => Math.max(Number(m[1]), Number(m[2])));
    assert.equal(ratios.length, 29);
    assert.deepEqual(ratios, [...ratios].sort((a, b) => b - a));
    assert.match(out, /Without channels:/);
  });

  it("export writes a folder that reads back, smaller, with the same shapes", async () => {
    await inFolder(async (folder) => {
      const output = path.join(folder, "small");
      const { status, out, err } = await run(["export", sample, "--encoding", "int4", "--group", "32", "--asymmetric", "-o", output]);
      assert.deepEqual([status, err], [0, ""]);
      assert.match(out, /^\S+small: .* bits per weight, 28 tensors as int4-g32-asym\n/);
      const [before, after] = [await runJson(["info", sample]), await runJson(["info", output])];
      const shapes = (tensors: { name: string; shape: number[] }[]) => Object.fromEntries(tensors.map((t) => [t.name, t.shape]));
      assert.deepEqual(shapes(after.tensors), shapes(before.tensors));
      assert.ok(after.model.byteLength < before.model.byteLength / 2);
      assert.deepEqual(after.model.problems, []);
      assert.ok((await fs.readdir(output)).includes("tokenizer.json"));
      assert.deepEqual(await fs.readdir(folder), ["small"]);
    });
  });

  it("export says on standard error, once and before it begins, what a runtime will do with the result", async () => {
    await inFolder(async (folder) => {
      const command = ["export", sample, "--encoding", "int8-qdq", "-o", path.join(folder, "out")];
      for (const more of [["--dry-run"], []]) {
        const { status, out, err } = await run([...command, ...more]);
        assert.equal(status, 0, err);
        assert.match(err, /^warning: model\.layers\.0\.[^\n]+ and 25 more: vLLM rounds the inputs [^\n]+ \(vLLM: vllm\/[^\n]+\)\n$/);
        assert.doesNotMatch(out, /vLLM/);
      }
    });
  });

  it("export replaces an earlier file when it is told to, and names what it writes beside", async () => {
    await inFolder(async (folder) => {
      const output = path.join(folder, "x.safetensors");
      const { status, out, err } = await run(["export", sample, "-e", "int8", "-o", output]);
      assert.equal(status, 0, err);
      assert.match(out, /\nbeside it: config\.json, /);
      const gguf = path.join(folder, "x.gguf");
      await fs.writeFile(gguf, "earlier");
      assert.equal((await run(["export", sample, "-e", "q8_0", "-o", gguf, "--force"])).status, 0);
      assert.ok((await fs.stat(gguf)).size > 1e6);
    });
  });

  it("encodings lists what can be exported", async () => {
    const { status, out } = await run(["encodings"]);
    assert.equal(status, 0);
    for (const name of ["q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "f16", "bf16", "int4-g32", "int8-qdq"]) assert.match(out, new RegExp(`^${name} `, "m"));
  });

  for (const args of [["--help"], ["info", "--help"], ["analyze", "--help"], ["export", "--help"], ["encodings", "--help"], ["help", "export"], ["help", "plan"], ["--version"]]) {
    it(`${args.join(" ")} helps and succeeds`, async () => {
      const { status, out, err } = await run(args);
      assert.deepEqual([status, err], [0, ""]);
      assert.match(out, args[0] === "--version" ? /^\d+\.\d+\.\d+\n$/ : /^Usage: bitlens /);
      assert.doesNotMatch(out, /default: \[\]/, "an empty list tells nobody anything");
    });
  }

  it("nothing at all is wrong usage, with the help on standard error", async () => {
    const { status, out, err } = await run([]);
    assert.deepEqual([status, out], [2, ""]);
    assert.match(err, /^Usage: bitlens /);
  });

  const usage: readonly [readonly string[], RegExp][] = [
    [["frobnicate"], /unknown command 'frobnicate'/],
    [["info"], /missing required argument 'MODEL'/],
    [["info", sample, "extra"], /too many arguments/],
    [["info", sample, "--jsn"], /unknown option '--jsn'/],
    [["analyze", sample, "--threads", "0"], /whole number from 1 to 256/],
    [["analyze", sample, "--threads", "many"], /whole number/],
    [["analyze", sample, "--encoding", "q4_o"], /no encoding called "q4_o"; did you mean q4_0/],
    [["export", sample, "-o", "/nowhere/x"], /Say what to write: --encoding for the whole model, or --recipe/],
    [["export", sample, "-e", "int4"], /required option '-o, --output <OUT>'/],
    [["export", sample, "-e", "int4", "--group", "some", "-o", "/nowhere/x"], /Give a number of weights/],
    [["export", sample, "-e", "nvfp4", "-o", "/nowhere/x"], /cannot be exported as nvfp4; (did you mean|choose one of)/],
    [["export", sample, "-e", "q4km", "-o", "/nowhere/x"], /cannot be exported as q4km; did you mean q4_K_M/],
    [["export", sample, "-e", "banana", "-o", "/nowhere/x"], /cannot be exported as banana; choose one of: int4-g128/],
    [["analyze", sample, "-e", "banana"], /no encoding called "banana"\. \(all names: bitlens encodings\)/],
    [["export", sample, "-e", "int4", "--group", "7", "-o", "/nowhere/x"], /int4 --group 7; did you mean int4-g32/],
  ];
  for (const [args, pattern] of usage) it(`wrong usage: ${args.join(" ").replace(root, "")}`, () => checkFails(args, 2, pattern));

  const failures: readonly [string, (folder: string) => Promise<readonly string[]>, RegExp][] = [
    ["a model that is not there", async (f) => ["info", path.join(f, "none.gguf")], /No such file: .*none\.gguf/],
    ["a folder without a model", async (f) => ["info", f], /holds no \.safetensors, \.gguf or \.onnx/],
    ["a text file", async (f) => (await fs.writeFile(path.join(f, "a.txt"), "hello"), ["info", path.join(f, "a.txt")]), /no model that Bitlens reads/],
    ["a truncated safetensors file", async (f) => {
      await fs.writeFile(path.join(f, "a.safetensors"), (await fs.readFile(path.join(sample, "model.safetensors"))).subarray(0, 100));
      return ["info", path.join(f, "a.safetensors")];
    }, /a\.safetensors/],
    ["an empty gguf file", async (f) => (await fs.writeFile(path.join(f, "a.gguf"), ""), ["analyze", path.join(f, "a.gguf")]), /a\.gguf/],
    ["a broken onnx file", async (f) => (await fs.writeFile(path.join(f, "a.onnx"), "\x08\xff\xff\xff\xff"), ["info", path.join(f, "a.onnx")]), /a\.onnx/],
    ["a pattern that matches nothing", async () => ["analyze", sample, "--tensor", "*.nothing"], /No tensor matches "\*\.nothing" \(names look like/],
    ["the model's own folder as output", async () => ["export", sample, "-e", "int4", "-o", sample], /model's own folder/],
    ["the model itself as output", async (f) => {
      await fs.copyFile(path.join(sample, "model.safetensors"), path.join(f, "m.safetensors"));
      return ["export", path.join(f, "m.safetensors"), "-e", "int4", "-o", path.join(f, "m.safetensors")];
    }, /would replace a file of the model itself/],
    ["an encoding that a runtime refuses", async (f) => {
      const module = (name: string) => `model.layers.0.mlp.${name}.weight`;
      await fs.writeFile(path.join(f, "m.safetensors"), safetensorsFile({ [module("gate_proj")]: { dtype: "F32", shape: [64, 128] }, [module("up_proj")]: { dtype: "F32", shape: [64, 96] } }));
      return ["export", path.join(f, "m.safetensors"), "-e", "int4-g128", "-o", path.join(f, "out")];
    }, /need one encoding; .*gate_proj.* \(vLLM: .*\); choose int4-channel instead/],
    ["nothing that an export would change", async (f) => {
      await fs.writeFile(path.join(f, "m.safetensors"), safetensorsFile({ "conv.kernel": { dtype: "F32", shape: [4, 4] } }));
      return ["export", path.join(f, "m.safetensors"), "-e", "int4-g32", "-o", path.join(f, "out")];
    }, /No tensor of this model would change under int4-g32: safetensors exports change matrices of Linear modules/],
    ["a weight that is not a number, by file, tensor and place", async (f) => {
      await fs.writeFile(path.join(f, "m.safetensors"), nanModel());
      return ["export", path.join(f, "m.safetensors"), "-e", "int8-g32", "-o", path.join(f, "out")];
    }, /cannot store NaN \(row 0, column 5\); keep this tensor as it is\. \(.*m\.safetensors, tensor a\.weight\)/],
    ["a plan that could only leave a tensor with NaN as it is", async (f) => {
      await fs.writeFile(path.join(f, "m.safetensors"), nanModel());
      return ["plan", path.join(f, "m.safetensors"), "--bpw", "9.5", "-o", path.join(f, "x.json")];
    }, /smallest possible is \d+ bytes \(3\d\.\d\d bits per weight\)/],
    ["nothing that a plan could change", async (f) => {
      await fs.writeFile(path.join(f, "m.safetensors"), safetensorsFile({ "conv.kernel": { dtype: "F32", shape: [4, 4] } }));
      return ["plan", path.join(f, "m.safetensors"), "--bpw", "4", "-o", path.join(f, "x.json")];
    }, /could be made smaller: safetensors exports change matrices of Linear modules/],
    ["a settings file beside the model, which would speak for it", async (f) => {
      await writeDenseModel(path.join(f, "m.safetensors"), { count: 1, size: 64 });
      return ["export", path.join(f, "m.safetensors"), "-e", "int8-g32", "-o", path.join(f, "out.safetensors")];
    }, /also writes config\.json, which would speak for the model beside it too; choose another folder/],
    ["an output that exists", async (f) => {
      await fs.writeFile(path.join(f, "x.gguf"), "mine");
      return ["export", sample, "-e", "q8_0", "-o", path.join(f, "x.gguf")];
    }, /output exists already; --force replaces it\. \(.*x\.gguf\)/],
    ["a recipe for a folder that is not there", async (f) => ["plan", sample, "--target", "gguf", "--bpw", "5", "-o", path.join(f, "no/x.json")], /folder of the recipe does not exist/],
    ["a recipe in the place of a folder", async (f) => ["plan", sample, "--target", "gguf", "--bpw", "5", "-o", f], /would replace a folder; name a file/],
    ["a plan in the place of a model", async (f) => {
      await fs.copyFile(path.join(sample, "model.safetensors"), path.join(f, "m.safetensors"));
      return ["plan", sample, "--target", "gguf", "--bpw", "5", "-o", path.join(f, "m.safetensors")];
    }, /output exists already and is no recipe; choose another name\. \(.*m\.safetensors\)/],
    ["a plan in the place of a device", async () => ["plan", sample, "--target", "gguf", "--bpw", "5", "-o", "/dev/null"], /output is no file; name one, or - for/],
    ["a name that is too long", async (f) => ["export", sample, "-e", "q8_0", "-o", path.join(f, `${"x".repeat(300)}.gguf`)], /name is too long for the file system/],
    ["a folder in use as output", async (f) => (await fs.writeFile(path.join(f, "mine"), "x"), ["export", sample, "-e", "int4", "-o", f]), /new or empty folder/],
  ];
  for (const [name, make, pattern] of failures) {
    it(`fails in one sentence on ${name}`, () => inFolder(async (folder) => checkFails(await make(folder), 1, pattern)));
  }

  // Linux has a file that is always full.
  if (existsSync("/dev/full")) {
    it("a full disk under its output is told in a sentence", async () => {
      const child = spawn("sh", ["-c", `"$0" "$1" info "$2" > /dev/full`, process.execPath, program, sample]);
      let err = "";
      child.stderr.on("data", (chunk) => (err += chunk));
      const status = await new Promise((resolve) => child.once("close", resolve));
      assert.equal(status, 1);
      assert.match(err, /^bitlens: The output could not be written: its disk is full\.\n$/);
    });
  }

  it("a reader that has seen enough ends it quietly", async () => {
    const child = spawn("sh", ["-c", `"$0" "$1" analyze "$2" --json | head -c 10`, process.execPath, program, sample]);
    let err = "";
    child.stderr.on("data", (chunk) => (err += chunk));
    await new Promise((resolve) => child.once("close", resolve));
    assert.equal(err, "");
  });
});

describe("command line: interrupted", () => {
  beforeEach(() => rmSync(path.join(cache, "bitlens"), { recursive: true, force: true }));
  const writing = async (folder: string) => (await fs.readdir(folder)).some((n) => n.endsWith(".partial"));

  async function check(
    args: (folder: string) => string[], signal: NodeJS.Signals, after: (outcome: Outcome, left: string[]) => Promise<void> | void,
  ): Promise<void> {
    await inFolder(async (folder) => {
      await writeSparseModel(path.join(folder, "m.safetensors"), { count: 8, size: 8192 });
      const before = await fs.stat(path.join(folder, "m.safetensors"));
      const outcome = await run(args(folder), async (child) => {
        if (args(folder)[0] === "export") await until(() => writing(folder));
        else await new Promise((resolve) => setTimeout(resolve, 400));
        child.kill(signal);
      });
      const now = await fs.stat(path.join(folder, "m.safetensors"));
      assert.deepEqual([now.mtimeMs, now.size], [before.mtimeMs, before.size], "the source was touched");
      await after(outcome, (await fs.readdir(folder)).filter((n) => n !== "m.safetensors"));
    });
  }

  it("an interrupted analysis exits 130", () =>
    check((f) => ["analyze", f, "--json"], "SIGINT", ({ status, out, err }) => assert.deepEqual([status, out, err], [130, "", "bitlens: Interrupted.\n"])));

  it("an interrupted export exits 130 and leaves nothing behind", () =>
    check((f) => ["export", f, "-e", "int8", "-o", path.join(f, "out")], "SIGINT", ({ status, err }, left) => {
      assert.deepEqual([status, err], [130, "bitlens: Interrupted.\n"]);
      assert.deepEqual(left, []);
    }));

  it("a killed export leaves nothing under the final name", () =>
    check((f) => ["export", f, "-e", "int8", "-o", path.join(f, "out")], "SIGKILL", async ({ signal }, left) => {
      assert.equal(signal, "SIGKILL");
      assert.deepEqual(left.filter((n) => !/^\.out\..*\.partial$/.test(n)), []);
      await run(["interrupted", "--discard"]);
    }));

  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    it(`an export ended by ${signal} goes on when the same command is run again`, () =>
      inFolder(async (folder) => {
        const model = path.join(folder, "m.safetensors");
        await writeDenseModel(model, { count: 48, size: 512 });
        const [out, reference] = [path.join(folder, "out"), path.join(folder, "reference")];
        const command = (output: string) => ["export", model, "-e", "int4", "--threads", "1", "-o", output];
        const ended = await run(command(out), async (child) => {
          await until(async () => /"jobs":\[/.test(await journalIn(path.join(cache, "bitlens/exports"))));
          child.kill(signal);
        });
        if (signal === "SIGTERM") assert.deepEqual([ended.status, ended.err], [130, "bitlens: Stopped; the same command goes on from here.\n"]);
        assert.deepEqual((await fs.readdir(folder)).filter((n) => n === "out"), []);
        const listed = await run(["interrupted"]);
        assert.match(listed.out, /out +int4-g\d+ +[1-9]\d* of 48 tensors/);
        const dry = await run([...command(out), "--dry-run"]);
        assert.match(dry.out, /^Writes .* of .* free, the rest of .* \([1-9]\d* of 48 tensors are written already\), in about .* \(estimated from samples\)\.\n$/);
        const second = await run(command(out));
        assert.equal(second.status, 0, second.err);
        assert.match(second.err, /^Resuming: [1-9]\d* of 48 tensors were written before\.\n$/);
        assert.equal((await run(command(reference))).err, "");
        for (const name of await fs.readdir(reference))
          assert.ok((await fs.readFile(path.join(out, name))).equals(await fs.readFile(path.join(reference, name))), name);
        assert.deepEqual((await fs.readdir(folder)).sort(), ["m.safetensors", "out", "reference"]);
        assert.equal((await run(["interrupted"])).out, "No export was interrupted.\n");
      }));
  }

  it("an export that was killed is discarded on request", () =>
    check((f) => ["export", f, "-e", "int8", "-o", path.join(f, "out")], "SIGKILL", async (_, left) => {
      assert.equal(left.length, 1);
      const { out, err } = await run(["interrupted", "--discard"]);
      assert.deepEqual([out, err], ["Removed what 1 export had written.\n", ""]);
    }));
});
