import assert from "node:assert/strict";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { AnalyseEvent, Progress } from "../../../src/core/api/engine";
import { CancellationSource } from "../../../src/core/cancellation";
import { EngineError } from "../../../src/core/errors";
import { createEngine } from "../../../src/engine/createEngine";
import { inFolder, toyBytes, toyDeps, ToyPool, type ToyTensor } from "../../builders/toyModel";

const matrix = (name: string, rows = 4, columns = 64): ToyTensor => ({ name, shape: [rows, columns] });

async function check(
  tensors: readonly ToyTensor[],
  pool: ToyPool,
  work: (engine: ReturnType<typeof createEngine>["engine"], file: string, folder: string) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    const file = path.join(folder, "model.toy");
    await fs.writeFile(file, toyBytes(tensors));
    const { engine, idle } = createEngine(toyDeps(() => pool));
    try {
      await work(engine, file, folder);
    } finally {
      engine.dispose();
      await idle();
    }
  });
}

const failsWith = (code: string, pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof EngineError, String(error));
  assert.equal(error.code, code);
  assert.match(error.describe(), pattern);
  return true;
};

describe("engine: analyse", () => {
  it("reports every tensor asked for once, and no other", async () => {
    await check(["a", "b", "c"].map((n) => matrix(n)), new ToyPool(), async (engine, file) => {
      const seen: string[] = [];
      const summary = await engine.analyse({ path: file, tensors: ["c", "a"], encodings: [] }, (e) => e.kind === "report" && seen.push(e.report.name));
      assert.deepEqual(seen.sort(), ["a", "c"]);
      assert.equal(summary.failed, 0);
      assert.deepEqual([summary.progress.tensorsDone, summary.progress.tensorsTotal], [2, 2]);
    });
  });

  it("counts bytes exactly though each is read twice, never beyond the total, never backwards", async () => {
    await check(Array.from({ length: 40 }, (_, i) => matrix(`t${i}`)), new ToyPool(), async (engine, file) => {
      const progress: Progress[] = [];
      const summary = await engine.analyse({ path: file, encodings: [] }, (e) => progress.push(e.progress));
      assert.equal(summary.progress.bytesDone, 40 * 4 * 64 * 4);
      assert.equal(summary.progress.bytesTotal, summary.progress.bytesDone);
      for (const [i, p] of progress.entries()) {
        assert.ok(p.bytesDone <= p.bytesTotal);
        if (i > 0) assert.ok(p.bytesDone >= progress[i - 1].bytesDone);
      }
    });
  });

  it("keeps a bounded window of tasks running, however many tensors there are", async () => {
    const pool = new ToyPool(() => new Promise((resolve) => setTimeout(resolve, 1)));
    await check(Array.from({ length: 100 }, (_, i) => matrix(`t${i}`)), pool, async (engine, file) => {
      await engine.analyse({ path: file, encodings: [] }, () => {});
      assert.equal(pool.mostRunning, 8);
    });
  });

  it("tells a failing tensor as an event and goes on with the others", async () => {
    const pool = new ToyPool((task) => {
      if (task.kind === "analyse" && task.tensor.name === "bad") throw new EngineError("truncated", "The file ends early.", { offset: 7 });
    });
    await check([matrix("a"), matrix("bad"), matrix("z")], pool, async (engine, file) => {
      const events: AnalyseEvent[] = [];
      const summary = await engine.analyse({ path: file, encodings: [] }, (e) => events.push(e));
      assert.equal(summary.failed, 1);
      const failed = events.find((e) => e.kind === "failed");
      assert.deepEqual(failed?.kind === "failed" && { tensor: failed.tensor, ...failed.error },
        { tensor: "bad", code: "truncated", message: "The file ends early.", place: { file, tensor: "bad", offset: 7 } });
      assert.deepEqual(events.flatMap((e) => (e.kind === "report" ? [e.report.name] : [])).sort(), ["a", "z"]);
    });
  });

  it("passes an encoding only to tensors whose rows it can hold", async () => {
    await check([matrix("wide", 2, 64), matrix("odd", 2, 33)], new ToyPool(), async (engine, file) => {
      const found = new Map<string, string[]>();
      await engine.analyse({ path: file, encodings: ["Q4_0", "f16", "q4_0"] }, (e) =>
        e.kind === "report" && found.set(e.report.name, e.report.errors.map((x) => x.encoding)));
      assert.deepEqual(Object.fromEntries(found), { wide: ["q4_0", "f16"], odd: ["f16"] });
    });
  });

  it("a cancelled call rejects at once, though its tasks have not ended, and tells nothing more", async () => {
    let release = () => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    const pool = new ToyPool(() => gate);
    await check([matrix("a"), matrix("b")], pool, async (engine, file) => {
      const source = new CancellationSource();
      const events: AnalyseEvent[] = [];
      const call = engine.analyse({ path: file, encodings: [] }, (e) => events.push(e), source.token);
      while (pool.running === 0) await new Promise((resolve) => setImmediate(resolve));
      source.cancel();
      await assert.rejects(call, failsWith("cancelled", /Cancelled/));
      release();
      while (pool.running > 0) await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(events, []);
    });
  });

  it("disposing rejects the calls that wait and those that come later, and stops the threads", async () => {
    const pool = new ToyPool((_, token) => new Promise((_resolve, reject) => token.onCancellationRequested(() => reject(new Error("stopped")))));
    await check([matrix("a")], pool, async (engine, file) => {
      const call = engine.analyse({ path: file, encodings: [] }, () => {});
      while (pool.running === 0) await new Promise((resolve) => setImmediate(resolve));
      engine.dispose();
      await assert.rejects(call, failsWith("engine-gone", /stopped/));
      await assert.rejects(engine.open(file), failsWith("engine-gone", /stopped/));
      assert.equal(pool.disposed, true);
    });
  });

  const refusals: readonly [string, object, string, RegExp][] = [
    ["a tensor that is not there", { tensors: ["nope"], encodings: [] }, "bad-request", /no tensor of this name.*nope/],
    ["an encoding that does not exist", { encodings: ["q9_9"] }, "bad-request", /no encoding called "q9_9"/],
  ];
  for (const [name, request, code, pattern] of refusals) {
    it(`refuses ${name} before reading anything`, async () => {
      const pool = new ToyPool();
      await check([matrix("a")], pool, async (engine, file) => {
        await assert.rejects(engine.analyse({ path: file, encodings: [], ...request }, () => {}), failsWith(code, pattern));
        assert.equal(pool.mostRunning, 0);
      });
    });
  }
});
