import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { CancellationSource, neverCancelled } from "../../../src/core/cancellation";
import type { TensorReport } from "../../../src/core/series";
import { encoding as encodingNamed } from "../../../src/encodings";
import type { EncodeResult, Pool, TensorSource } from "../../../src/engine/tasks";
import { analyseReference, MAX_CHANNELS } from "../../../src/metrics";
import { createPool } from "../../../src/node/pool";
import { builtWorker, temporaryFolder, workerOf } from "../../builders/built";
import { assertReport } from "../../builders/compareReports";
import { sourceOf, type SourceOptions } from "../../builders/passHarness";
import { heavyTailed } from "../../builders/weights";

let folder: string;
let pools: Pool[] = [];

function pool(options: { threads?: number; workerPath?: string; simd?: boolean; divideFrom?: number } = {}): Pool {
  const made = createPool({ threads: 2, workerPath: builtWorker(), ...options });
  pools.push(made);
  return made;
}

/** A tensor in a real file. */
function onDisk(name: string, x: Float32Array, encoding: string, options: SourceOptions): TensorSource {
  const files = new Map<string, Uint8Array>();
  const tensor = sourceOf(files, x, encoding, options);
  const file = path.join(folder, name);
  writeFileSync(file, files.get(tensor.paths[0])!);
  return { ...tensor, name, paths: [file] };
}

/** Enough work to be interrupted: the errors of an encoding that has no compiled kernel. */
const slow = { rows: 2048, columns: 1024, encodings: ["int3-g32"] };

/** Repeats one band of weights: large tensors without the time to draw them. */
function repeated(count: number): Float32Array {
  const band = heavyTailed(1 << 18);
  return Float32Array.from({ length: count }, (_, i) => band[i & (band.length - 1)]);
}

describe("the worker pool", () => {
  before(() => void (folder = temporaryFolder()));
  afterEach(() => {
    for (const p of pools.splice(0)) p.dispose();
    pools = [];
  });

  for (const [what, options] of [
    ["divided over the workers", { rows: 301, columns: 320 }],
    ["transposed and divided", { rows: 301, columns: 320, transposed: true }],
    ["one long vector", { rows: 1, columns: 1_100_001, hasChannels: false }],
    ["one long row", { rows: 1, columns: 1_100_001 }],
    ["two long rows with specials", { rows: 2, columns: 1_050_000 }],
  ] as [string, SourceOptions][]) {
    it(`a tensor that is ${what} gives the report of the whole`, async () => {
      const { rows, columns, hasChannels = true } = options;
      const x = repeated(rows * columns);
      if (what.includes("specials")) x.set([NaN, Infinity, NaN], columns - 1);
      const tensor = onDisk("large", x, "f32", options);
      let bytes = 0;
      const p = pool({ threads: 3, divideFrom: 2 ** 14 });
      const report = await p.run({ kind: "analyse", tensor, encodings: ["q8_0"] }, neverCancelled, (n) => void (bytes += n));
      // The plain way does not look at channels as short as these: it would take longer than all other tests.
      const channels = hasChannels && columns < 2 ** 20;
      const expected = analyseReference(x, { rows, columns, columnsPerInput: 1, hasChannels: channels }, [], "large");
      const { output, input, outliers, heat } = report;
      assert.equal(output?.absMax.length, hasChannels ? rows : undefined);
      assert.equal(input?.absMax.length, hasChannels && columns <= MAX_CHANNELS ? columns : undefined);
      assertReport(
        {
          ...report,
          errors: [],
          ...(channels
            ? { output, input, outliers, heat }
            : { output: undefined, input: undefined, outliers: undefined, heat: undefined }),
        },
        expected,
      );
      assert.equal(report.errors.length, columns % 32 ? 0 : 1);
      assert.ok(Math.abs(bytes - x.byteLength) <= 8, `${bytes} bytes reported of ${x.byteLength}`);
    }).timeout(60_000);
  }

  it("many tensors at once each get their own report", async () => {
    const p = pool();
    const all = Array.from({ length: 40 }, (_, i) => {
      const options = { rows: 16 + i, columns: 64 };
      const x = heavyTailed(options.rows * 64, i + 1);
      return { x, options, tensor: onDisk(`small${i}`, x, "bf16", options) };
    });
    const reports = await Promise.all(
      all.map(({ tensor }) => p.run({ kind: "analyse", tensor, encodings: ["q4_0"] }, neverCancelled)),
    );
    reports.forEach((report, i) => {
      const { x, options } = all[i];
      const bf16 = encodingNamed("bf16");
      const planes = [new Uint8Array(x.length * 2)];
      const stored = new Float32Array(x.length);
      bf16.encode!(x, options.rows, 64, planes);
      bf16.decode(planes, options.rows, 64, stored);
      assertReport(
        report,
        analyseReference(stored, { ...options, columnsPerInput: 1, hasChannels: true }, [encodingNamed("q4_0")], `small${i}`),
      );
    });
  });

  it("gives the same report without the compiled kernels", async () => {
    const x = heavyTailed(64 * 96);
    const tensor = onDisk("plain", x, "f32", { rows: 64, columns: 96 });
    const p = pool({ simd: false });
    assert.equal(p.simd, false);
    assertReport(
      await p.run({ kind: "analyse", tensor, encodings: ["q8_0"] }, neverCancelled),
      analyseReference(x, { rows: 64, columns: 96, columnsPerInput: 1, hasChannels: true }, [encodingNamed("q8_0")], "plain"),
    );
  });

  it("bytes from within a header take only themselves to the worker", async () => {
    // Copying the whole buffer for every one of many small tensors would take minutes and gigabytes.
    const header = new Uint8Array(512 << 20);
    const p = pool();
    const bytes = new Uint8Array(header.buffer, 64, 256);
    bytes.set(new Uint8Array(heavyTailed(64).buffer));
    const storage = { encoding: "f32", planes: [{ inline: bytes }] };
    const tensor = { name: "inline", paths: [], storage, rows: 8, columns: 8, columnsPerInput: 1, hasChannels: true };
    const before = process.memoryUsage().rss;
    const reports = await Promise.all(
      Array.from({ length: 20 }, () => p.run({ kind: "analyse", tensor, encodings: [] }, neverCancelled)),
    );
    assert.ok(process.memoryUsage().rss - before < 256 << 20);
    for (const report of reports) assertReport(report, analyseReference(heavyTailed(64), { ...tensor }, [], "inline"));
  });

  it("results own their buffers: nothing of the shared memory leaves", async () => {
    const tensor = onDisk("buffers", heavyTailed(64 * 96), "f32", { rows: 64, columns: 96 });
    const report = await pool().run({ kind: "analyse", tensor, encodings: [] }, neverCancelled);
    for (const array of [
      report.histogram.counts,
      report.logHistogram.bins,
      report.output!.absMax,
      report.input!.rms,
      report.heat!.values,
    ]) {
      assert.ok(array.buffer instanceof ArrayBuffer);
      assert.equal(array.byteLength, array.buffer.byteLength);
    }
  });

  for (const [what, rows, columns, transposed] of [
    ["small", 33, 96, false],
    ["divided over the workers", 820, 96, false],
    ["transposed and divided", 820, 96, true],
  ] as const) {
    it(`encodes a tensor that is ${what} as the encoding itself does`, async () => {
      const x = repeated(rows * columns);
      const tensor = onDisk("source", x, "f32", { rows, columns, transposed });
      const member = encodingNamed("int8-qdq");
      const expected = member.planes.map((plane) => new Uint8Array(rows * plane.rowBytes(columns)));
      member.encode!(x, rows, columns, expected);
      const target = path.join(folder, "target");
      writeFileSync(target, new Uint8Array(10 + expected[0].length));
      const task = {
        kind: "encode",
        tensor,
        encoding: "int8-qdq",
        planes: [{ path: target, offset: 10 }, { collect: true }],
      } as const;
      const result: EncodeResult = await pool({ divideFrom: 2 ** 14 }).run(task, neverCancelled);
      assert.equal(result.planes[0], undefined);
      assert.deepEqual(result.planes[1], expected[1]);
      assert.deepEqual(new Uint8Array(readFileSync(target)).subarray(10), expected[0]);
    }).timeout(60_000);
  }

  it("copies a byte range to its place", async () => {
    const [from, to] = [path.join(folder, "from"), path.join(folder, "to")];
    const bytes = Uint8Array.from({ length: 9_000_000 }, (_, i) => i * 31);
    writeFileSync(from, bytes);
    writeFileSync(to, new Uint8Array(9_000_100));
    let copied = 0;
    const task = {
      kind: "copy",
      source: { path: from, offset: 7 },
      target: { path: to, offset: 50 },
      byteLength: 8_999_000,
    } as const;
    await pool().run(task, neverCancelled, (n) => void (copied += n));
    assert.equal(copied, 8_999_000);
    assert.equal(Buffer.compare(readFileSync(to).subarray(50, 50 + 8_999_000), bytes.subarray(7, 7 + 8_999_000)), 0);
  });

  it("cancelling rejects at once, and the worker goes on with others", async () => {
    const p = pool({ threads: 1 });
    const tensor = onDisk("slow", repeated(slow.rows * slow.columns), "f32", slow);
    const source = new CancellationSource();
    const waiting = [1, 2, 3].map(() => p.run({ kind: "analyse", tensor, encodings: slow.encodings }, source.token));
    const small = onDisk("after", heavyTailed(640), "f32", { rows: 10, columns: 64 });
    let order = "";
    const settled = waiting.map((w) => assert.rejects(w, { code: "cancelled" }).then(() => void (order += "c")));
    const after = p.run({ kind: "analyse", tensor: small, encodings: [] }, neverCancelled).then((r: TensorReport) => {
      order += "d";
      return r;
    });
    setTimeout(() => source.cancel(), 50);
    await Promise.all(settled);
    assert.equal((await after).stats.count, 640);
    assert.equal(order, "cccd");
  });

  it("a token that is cancelled already starts nothing", async () => {
    const source = new CancellationSource();
    source.cancel();
    const tensor = onDisk("never", heavyTailed(64), "f32", { rows: 8, columns: 8 });
    await assert.rejects(pool({ workerPath: "/nowhere.js" }).run({ kind: "analyse", tensor, encodings: [] }, source.token), {
      code: "cancelled",
    });
  });

  it("a file that ends too early is an error naming file, tensor and place, and the pool goes on", async () => {
    const p = pool();
    const tensor = onDisk("short", heavyTailed(640), "f32", { rows: 10, columns: 64 });
    writeFileSync(tensor.paths[0], new Uint8Array(1000));
    const expected = { code: "truncated", place: { file: tensor.paths[0], tensor: "short", offset: 1000 } };
    await assert.rejects(p.run({ kind: "analyse", tensor, encodings: [] }, neverCancelled), expected);
    const missing = { ...tensor, paths: [path.join(folder, "missing")] };
    await assert.rejects(p.run({ kind: "analyse", tensor: missing, encodings: [] }, neverCancelled), { code: "not-found" });
    const good = onDisk("good", heavyTailed(640), "f32", { rows: 10, columns: 64 });
    assert.equal((await p.run({ kind: "analyse", tensor: good, encodings: [] }, neverCancelled)).stats.count, 640);
  });

  it("values that an encoding cannot hold are an error naming the tensor", async () => {
    const tensor = onDisk("nan", heavyTailed(640).fill(NaN, 100, 101), "f32", { rows: 10, columns: 64 });
    const task = { kind: "encode", tensor, encoding: "q8_0", planes: [{ collect: true }] } as const;
    await assert.rejects(pool().run(task, neverCancelled), { code: "bad-request", place: { tensor: "nan" } });
  });

  for (const [what, script] of [
    ["throws", `setTimeout(() => { throw new Error("boom") }, 30)`],
    ["exits", `setTimeout(() => process.exit(3), 30)`],
    ["runs out of memory", `setTimeout(() => { const all = []; for (;;) all.push(new Array(1e6).fill(1.5)) }, 30)`],
  ]) {
    it(`a worker that ${what} rejects its callers, and others go on`, async () => {
      // Every second worker is a good one: jobs that were waiting are done by the replacement.
      const marker = path.join(folder, `marker-${what.replace(/ /g, "")}`);
      const workerPath = workerOf(`
        const fs = require("node:fs");
        if (fs.existsSync(${JSON.stringify(marker)})) require(${JSON.stringify(builtWorker())});
        else {
          fs.writeFileSync(${JSON.stringify(marker)}, "");
          require("node:worker_threads").parentPort.on("message", () => { ${script} });
        }`);
      const p = pool({ threads: 1, workerPath });
      const tensor = onDisk("small", heavyTailed(640), "f32", { rows: 10, columns: 64 });
      const run = () => p.run({ kind: "analyse", tensor, encodings: [] }, neverCancelled);
      const [lost, kept] = [run(), run()];
      await assert.rejects(lost, { code: "engine-gone" });
      assert.equal((await kept).stats.count, 640);
    }).timeout(60_000);
  }

  it("a worker whose script is missing rejects every caller instead of keeping them", async () => {
    const p = pool({ workerPath: path.join(folder, "no-such-worker.js") });
    const tensor = onDisk("small", heavyTailed(640), "f32", { rows: 10, columns: 64 });
    const runs = Array.from({ length: 5 }, () => p.run({ kind: "analyse", tensor, encodings: [] }, neverCancelled));
    await Promise.all(runs.map((run) => assert.rejects(run, { code: "engine-gone" })));
  });

  it("disposing rejects what runs, what waits and what comes later", async () => {
    const p = pool({ threads: 1 });
    const tensor = onDisk("slow", repeated(slow.rows * slow.columns), "f32", slow);
    const runs = [1, 2].map(() => p.run({ kind: "analyse", tensor, encodings: slow.encodings }, neverCancelled));
    p.dispose();
    runs.push(p.run({ kind: "analyse", tensor, encodings: [] }, neverCancelled));
    await Promise.all(runs.map((run) => assert.rejects(run, { code: "engine-gone" })));
  });
});
