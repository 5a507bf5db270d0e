import assert from "node:assert/strict";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { Progress } from "../../../src/core/api/progress";
import type { TensorReport } from "../../../src/core/series";
import { CancellationSource } from "../../../src/core/cancellation";
import type { EngineError } from "../../../src/core/errors";
import { createNodeEngine } from "../../../src/node/createNodeEngine";
import type { EngineClient } from "../../../src/node/engineClient";
import { launchEngine } from "../../../src/node/engineClient";
import { journalIn } from "../../builders/journals";
import { writeDenseModel, writeSparseModel } from "../../builders/sparseModel";
import { inFolder } from "../../builders/toyModel";

const root = path.join(__dirname, "../../..");
const sample = path.join(root, "media/sample");

async function check(
  work: (client: EngineClient) => Promise<void>, { threads = 2, storage }: { threads?: number; storage?: string } = {},
): Promise<void> {
  const client = launchEngine({ modulePath: path.join(root, "dist/engine.js"), threads, storage });
  try {
    await work(client);
  } finally {
    client.dispose();
  }
}

/** A model that takes long enough to export to be interrupted. */
async function exporting(
  client: EngineClient, act: (export_: { folder: string; cancel(): void }) => void, after: (error: EngineError, left: string[]) => void,
) {
  await inFolder(async (folder) => {
    const file = path.join(folder, "m.safetensors");
    await writeSparseModel(file, { count: 8, size: 8192 });
    const before = await fs.stat(file);
    const source = new CancellationSource();
    let acted = false;
    const call = client.engine.export({ path: file, encoding: "int8-g32", output: path.join(folder, "out") }, (progress) => {
      if (acted || progress.bytesDone === 0) return;
      acted = true;
      act({ folder, cancel: () => source.cancel() });
    }, source.token);
    const error = await call.then(() => assert.fail("the export was not interrupted"), (e: EngineError) => e);
    after(error, (await fs.readdir(folder)).filter((n) => n !== "m.safetensors"));
    const now = await fs.stat(file);
    assert.deepEqual([now.size, now.mtimeMs, now.blocks], [before.size, before.mtimeMs, before.blocks], "the source was touched");
  });
}

async function until<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

describe("engine process with the real engine", () => {
  it("reports what the engine reports without a process between", async () => {
    const reports = async (engine: EngineClient["engine"]) => {
      const found = new Map<string, TensorReport>();
      await engine.analyse({ path: sample, encodings: ["q8_0"] }, (e) => e.kind === "report" && found.set(e.report.name, e.report));
      return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
    };
    const here = createNodeEngine({ threads: 2 });
    await check(async ({ engine }) => {
      assert.deepEqual(await engine.open(sample), await here.engine.open(sample));
      assert.deepEqual(await engine.device(), { name: "CPU", threads: 2, simd: true });
      const [there, local] = [await reports(engine), await reports(here.engine)];
      assert.equal(there.length, 38);
      assert.deepEqual(there, local);
    });
    here.engine.dispose();
  });

  it("killed while it exports: the caller hears of it, and nothing stands under the final name", () =>
    check((client) => exporting(client, () => process.kill(client.pid!, "SIGKILL"), (error, left) => {
      assert.equal(error.code, "engine-gone");
      assert.deepEqual(left.filter((n) => !n.endsWith(".partial")), []);
    })));

  for (const [how, end] of [
    ["killed", (client: EngineClient) => process.kill(client.pid!, "SIGKILL")],
    ["restarted", (client: EngineClient) => client.restart()],
  ] as const) {
    it(`${how} while it exports: the same export goes on and ends with the same bytes`, () =>
      inFolder(async (folder) => {
        const [source, storage] = [path.join(folder, "m.safetensors"), path.join(folder, "storage")];
        await writeDenseModel(source, { count: 48, size: 512 });
        const [output, reference] = [path.join(folder, "out"), path.join(folder, "reference")];
        const request = { path: source, encoding: "pvq-g16-k27-b4", output };
        await check(async (client) => {
          let ended = false;
          const call = client.engine
            .export(request, () => {})
            .then(() => assert.fail("it ended before it was interrupted"), (e: EngineError) => e)
            .finally(() => (ended = true));
          await until(async () => ended || /"jobs":\[/.test(await journalIn(path.join(storage, "exports"))));
          end(client);
          assert.equal((await call).code, "engine-gone");
          assert.deepEqual((await fs.readdir(folder)).filter((n) => n === "out"), []);
          const found = await until(async () => (await client.engine.interruptedExports())[0]);
          assert.ok(found.tensorsDone > 0 && found.tensorsDone <= 48, `${found.tensorsDone} tensors`);
          let first: Progress | undefined;
          await client.engine.export(found.request, (p) => (first ??= p));
          assert.equal(first?.before?.tensors, found.tensorsDone);
          await client.engine.export({ ...request, output: reference }, () => {});
        }, { threads: 1, storage });
        const names = await fs.readdir(reference);
        assert.deepEqual(await fs.readdir(output), names);
        for (const name of names) assert.ok((await fs.readFile(path.join(output, name))).equals(await fs.readFile(path.join(reference, name))), name);
        assert.deepEqual((await fs.readdir(folder)).sort(), ["m.safetensors", "out", "reference", "storage"]);
        assert.deepEqual(await fs.readdir(path.join(storage, "exports")), []);
      }));
  }

  it("cancelled while it exports: nothing at all is left when the call rejects", () =>
    check((client) => exporting(client, ({ cancel }) => cancel(), (error, left) => {
      assert.equal(error.code, "cancelled");
      assert.deepEqual(left, []);
    })));

  it("let go while it exports: it removes what it wrote before it leaves", () =>
    inFolder(async (folder) => {
      const file = path.join(folder, "m.safetensors");
      await writeSparseModel(file, { count: 8, size: 8192 });
      await check(async (client) => {
        let pid = 0;
        const call = client.engine.export({ path: file, encoding: "int8-g32", output: path.join(folder, "out") }, ({ bytesDone }) => {
          if (bytesDone === 0 || pid) return;
          pid = client.pid!;
          client.dispose();
        });
        await assert.rejects(call, (e: EngineError) => e.code === "engine-gone");
        for (let alive = true; alive; ) {
          await new Promise((resolve) => setTimeout(resolve, 10));
          try {
            process.kill(pid, 0);
          } catch {
            alive = false;
          }
        }
      });
      assert.deepEqual(await fs.readdir(folder), ["m.safetensors"]);
    }));
});
