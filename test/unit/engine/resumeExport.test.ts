import assert from "node:assert/strict";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { Progress } from "../../../src/core/api/progress";
import { CancellationSource } from "../../../src/core/cancellation";
import { EngineError } from "../../../src/core/errors";
import { createEngine } from "../../../src/engine/createEngine";
import type { EngineDeps } from "../../../src/engine/deps";
import type { Task } from "../../../src/engine/tasks";
import { engineFiles } from "../../../src/node/engineFiles";
import { createJournals } from "../../../src/node/journals";
import { inFolder, toyBytes, toyDeps, ToyPool } from "../../builders/toyModel";

const tensors = [
  { name: "a", shape: [8, 64] }, { name: "norm", shape: [64] }, { name: "b", shape: [4, 96] }, { name: "odd", shape: [2, 33] }, { name: "c", shape: [16, 32] },
];
const label = (task: Task) => (task.kind === "encode" ? task.tensor.name : task.kind === "copy" ? `copy at ${task.target.offset}` : task.kind);

interface Scene {
  readonly source: string;
  readonly out: string;
  readonly storage: string;
  /** A new engine, as after the old one's process ended. `before` runs ahead of every task. */
  engine(before?: (task: Task) => Promise<void> | void, changes?: Partial<EngineDeps>): ReturnType<typeof createEngine>["engine"] & { readonly tasks: string[] };
  /** Names beside the source. */
  left(): Promise<string[]>;
}

async function check(work: (scene: Scene) => Promise<void>): Promise<void> {
  await inFolder(async (root) => {
    const folder = path.join(root, "models");
    const storage = path.join(root, "storage/exports");
    await fs.mkdir(folder);
    const source = path.join(folder, "model.toy");
    await fs.writeFile(source, toyBytes(tensors));
    await work({
      source, storage, out: path.join(folder, "out.toy"),
      left: async () => (await fs.readdir(folder)).filter((n) => n !== "model.toy"),
      engine(before = () => {}, changes) {
        const tasks: string[] = [];
        const pool = new ToyPool(async (task) => {
          await before(task);
          tasks.push(label(task));
        });
        return Object.assign(createEngine(toyDeps(() => pool, { journals: createJournals(path.dirname(storage)), ...changes })).engine, { tasks });
      },
    });
  });
}

const failsWith = (code: string, pattern = /./) => (error: unknown) => {
  assert.ok(error instanceof EngineError, String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, pattern);
  return true;
};
const gone = () => new EngineError("engine-gone", "A worker ended.");

/** What an export gives that nothing interrupts. */
async function whole({ source, engine, out }: Scene, encoding = "q8_0"): Promise<Buffer> {
  const reference = out.replace(/out\.toy$/, `reference-${encoding}.toy`);
  await engine(undefined, { journals: undefined }).export({ path: source, encoding, output: reference }, () => {});
  const bytes = await fs.readFile(reference);
  await fs.rm(reference);
  return bytes;
}

/** Exports until so many tasks have been done, then the worker dies. */
async function interrupt(scene: Scene, tasks: number, request: { encoding?: string } = {}): Promise<readonly string[]> {
  let begun = 0;
  // After all of them only the end is missing: the files are whole and have no name yet.
  const files: EngineDeps["files"] = { ...engineFiles, stage: async (...given) => ({ ...(await engineFiles.stage(...given)), seal: () => Promise.reject(gone()) }) };
  const engine = scene.engine(() => {
    if (++begun > tasks) throw gone();
  }, tasks === 5 ? { files } : {});
  await assert.rejects(engine.export({ path: scene.source, encoding: "q8_0", output: scene.out, ...request }, () => {}), failsWith("engine-gone"));
  return engine.tasks;
}

describe("engine: an interrupted export", () => {
  for (let tasks = 0; tasks <= 5; tasks++) {
    it(`goes on with what is missing after ${tasks} tasks and gives the same bytes`, () =>
      check(async (scene) => {
        const expected = await whole(scene);
        const before = await interrupt(scene, tasks);
        const [found] = await scene.engine().interruptedExports();
        const encoded = before.filter((name) => !name.startsWith("copy"));
        assert.deepEqual([found.tensorsDone, found.tensorsTotal], [encoded.length, 3]);
        assert.deepEqual(found.request, { path: scene.source, encoding: "q8_0", output: scene.out });
        const engine = scene.engine();
        let first: Progress | undefined;
        const result = await engine.export(found.request, (p) => (first ??= p));
        assert.deepEqual([...before, ...engine.tasks].sort(), ["a", "b", "c", ...[...before, ...engine.tasks].filter((t) => t.startsWith("copy"))].sort());
        assert.equal([...new Set([...before, ...engine.tasks])].length, before.length + engine.tasks.length, "a task was done twice");
        assert.deepEqual(first!.before?.tensors ?? 0, encoded.length);
        assert.equal(result.byteLength, expected.length);
        assert.deepEqual(await fs.readFile(scene.out), expected);
        assert.deepEqual(await scene.left(), ["out.toy"]);
        assert.deepEqual([await engine.interruptedExports(), await fs.readdir(scene.storage)], [[], []]);
      }));
  }

  it("goes on again after a second interruption", () =>
    check(async (scene) => {
      const expected = await whole(scene);
      const done = [...(await interrupt(scene, 1)), ...(await interrupt(scene, 2))];
      assert.equal(new Set(done).size, 3);
      const engine = scene.engine();
      await engine.export({ path: scene.source, encoding: "q8_0", output: scene.out }, () => {});
      assert.equal(engine.tasks.length, 2);
      assert.deepEqual(await fs.readFile(scene.out), expected);
    }));

  it("is offered by names that hold in any folder", () =>
    check(async (scene) => {
      const near = { ...scene, source: path.relative(process.cwd(), scene.source), out: path.relative(process.cwd(), scene.out) };
      await interrupt(near, 2);
      const [{ request }] = await scene.engine().interruptedExports();
      assert.deepEqual([request.path, request.output], [scene.source, scene.out]);
    }));

  it("by the engine's own end goes on too", () =>
    check(async (scene) => {
      const expected = await whole(scene);
      let begun = 0;
      let seconds = 0;
      const noted = async () => (await Promise.all((await fs.readdir(scene.storage)).map((n) => fs.readFile(path.join(scene.storage, n), "utf8")))).join("");
      const engine = scene.engine(async () => {
        if (++begun < 4) return;
        while (!/"jobs":\[/.test(await noted())) await new Promise((resolve) => setTimeout(resolve, 2));
        engine.dispose();
      }, { now: () => (seconds += 10) });
      await assert.rejects(engine.export({ path: scene.source, encoding: "q8_0", output: scene.out }, () => {}), failsWith("engine-gone"));
      const next = scene.engine();
      await next.export({ path: scene.source, encoding: "q8_0", output: scene.out }, () => {});
      assert.ok(next.tasks.length < 5, next.tasks.join());
      assert.deepEqual(await fs.readFile(scene.out), expected);
    }));

  it("is estimated by what is left of it, and nothing is written for that", () =>
    check(async (scene) => {
      const request = { path: scene.source, encoding: "q8_0", output: scene.out };
      const { byteLength, bytesLeft, tensorsDone, tensorsTotal, seconds } = await scene.engine().estimate(request);
      assert.deepEqual([bytesLeft, tensorsDone, tensorsTotal], [byteLength, 0, 3]);
      assert.equal(byteLength, (await whole(scene)).length);
      assert.ok(seconds > 0);
      assert.deepEqual([await scene.left(), await fs.readdir(scene.storage).catch(() => [])], [[], []]);
      await interrupt(scene, 3);
      const rest = await scene.engine().estimate(request);
      assert.ok(rest.bytesLeft < byteLength && rest.tensorsDone > 0, JSON.stringify(rest));
      assert.equal((await scene.engine().estimate({ ...request, fresh: true })).bytesLeft, byteLength);
    }));

  it("needs room only for what is missing", () =>
    check(async (scene) => {
      await interrupt(scene, 4);
      const request = { path: scene.source, encoding: "q8_0", output: scene.out };
      const { byteLength, bytesLeft } = await scene.engine().estimate(request);
      assert.ok(bytesLeft < byteLength);
      const files = { ...engineFiles, freeBytes: async () => bytesLeft };
      await scene.engine(undefined, { files }).export(request, () => {});
    }));

  /** What is done between interruption and next try, and what the next try must do. */
  interface Change {
    readonly request?: { readonly encoding?: string; readonly fresh?: boolean };
    readonly build?: string;
    readonly anew: boolean;
    act(scene: Scene): Promise<void>;
  }
  const changes: Record<string, Change> = {
    "nothing": { act: async () => {}, anew: false },
    "a torn last line of the journal": { act: (s) => edit(s, (text) => text + "0123456789abcdef {\"jo"), anew: false },
    "a journal that was emptied": { act: (s) => edit(s, () => ""), anew: true },
    "a journal of garbage": { act: (s) => edit(s, () => "\0\xff{}\n\n"), anew: true },
    "a journal with a spoilt header": { act: (s) => edit(s, (text) => text.replace("\"mark\":\"", "\"mark\":\"../")), anew: true },
    "a journal that claims a job that there is not": { act: (s) => edit(s, (text) => text.replace(/"jobs":\d+/, "\"jobs\":1")), anew: true },
    "a source of other weights": { act: (s) => fs.writeFile(s.source, toyBytes(tensors, (i) => Math.cos(i))), anew: true },
    "a source that was written again": { act: (s) => fs.writeFile(s.source, toyBytes(tensors)), anew: true },
    "another plan": { act: async () => {}, request: { encoding: "q4_0" }, anew: true },
    "the wish to start anew": { act: async () => {}, request: { fresh: true }, anew: true },
    "other code": { act: async () => {}, build: "newer", anew: true },
    "a staged file that became shorter": { act: (s) => staged(s, (file) => fs.truncate(file, 100)), anew: true },
    "a staged file that is gone": { act: (s) => staged(s, (file) => fs.rm(file)), anew: true },
    "a staged folder that is gone": { act: (s) => staged(s, (file) => fs.rm(path.dirname(file), { recursive: true })), anew: true },
  };
  for (const [what, { act, request, build, anew }] of Object.entries(changes)) {
    it(`${anew ? "starts anew" : "goes on"} after ${what}`, () =>
      check(async (scene) => {
        const before = await interrupt(scene, 3);
        await act(scene);
        const engine = scene.engine(undefined, build ? { build } : {});
        const asked = { path: scene.source, encoding: "q8_0", output: scene.out, ...request };
        await engine.export(asked, () => {});
        assert.equal(engine.tasks.length, anew ? 5 : 5 - before.length);
        assert.deepEqual(await fs.readFile(scene.out), await whole(scene, asked.encoding));
        const left = (await scene.left()).filter((n) => n !== "out.toy");
        // A journal that says nothing does not say either what was staged: that is swept once it is old.
        if (!/emptied|garbage|spoilt|claims/.test(what)) assert.deepEqual(left, []);
        assert.deepEqual(await fs.readdir(scene.storage), []);
      }));
  }

  async function edit({ storage }: Scene, change: (text: string) => string): Promise<void> {
    const [name] = (await fs.readdir(storage)).filter((n) => n.endsWith(".journal"));
    const file = path.join(storage, name);
    await fs.writeFile(file, change(await fs.readFile(file, "utf8")));
  }

  async function staged(scene: Scene, act: (file: string) => Promise<void>): Promise<void> {
    const [name] = (await scene.left()).filter((n) => n.endsWith(".partial"));
    await act(path.join(path.dirname(scene.out), name, "out.toy"));
  }

  it("cancelled by the person leaves nothing, interrupted before or not", () =>
    check(async (scene) => {
      for (const first of [false, true]) {
        if (first) await interrupt(scene, 2);
        const source = new CancellationSource();
        const call = scene.engine(() => source.cancel()).export({ path: scene.source, encoding: "q8_0", output: scene.out }, () => {}, source.token);
        await assert.rejects(call, failsWith("cancelled"));
        assert.deepEqual([await scene.left(), await fs.readdir(scene.storage)], [[], []]);
      }
    }));

  it("failing for another reason leaves nothing", () =>
    check(async (scene) => {
      const engine = scene.engine((task) => {
        if (task.kind === "encode") throw new EngineError("bad-request", "NaN cannot be held.");
      });
      await assert.rejects(engine.export({ path: scene.source, encoding: "q8_0", output: scene.out }, () => {}), failsWith("bad-request"));
      assert.deepEqual([await scene.left(), await fs.readdir(scene.storage)], [[], []]);
    }));

  it("discarded leaves nothing; discarding where there is none does nothing", () =>
    check(async (scene) => {
      await interrupt(scene, 2);
      assert.equal((await scene.left()).length, 1);
      const engine = scene.engine();
      await engine.discardExport(scene.out);
      await engine.discardExport(scene.out);
      assert.deepEqual([await scene.left(), await fs.readdir(scene.storage), await engine.interruptedExports()], [[], [], []]);
    }));

  it("whose staged files are gone is forgotten when somebody asks", () =>
    check(async (scene) => {
      await interrupt(scene, 2);
      await staged(scene, (file) => fs.rm(path.dirname(file), { recursive: true }));
      assert.deepEqual([await scene.engine().interruptedExports(), await fs.readdir(scene.storage)], [[], []]);
    }));

  it("on a disk that is not there today is neither offered nor forgotten", () =>
    check(async (scene) => {
      const expected = await whole(scene);
      await interrupt(scene, 2);
      const folder = path.dirname(scene.out);
      await fs.rename(folder, `${folder}-elsewhere`);
      assert.deepEqual(await scene.engine().interruptedExports(), []);
      await fs.rename(`${folder}-elsewhere`, folder);
      const engine = scene.engine();
      const [{ request }] = await engine.interruptedExports();
      await engine.export(request, () => {});
      assert.equal(engine.tasks.length, 3);
      assert.deepEqual(await fs.readFile(scene.out), expected);
    }));

  it("of two exports to one place at the same time the second is refused and the first unharmed", () =>
    check(async (scene) => {
      const expected = await whole(scene);
      const request = { path: scene.source, encoding: "q8_0", output: scene.out };
      let second: Promise<unknown> | undefined;
      const first = scene.engine(async () => {
        second ??= assert.rejects(scene.engine().export(request, () => {}), failsWith("bad-request", /under way/));
        await second;
        assert.deepEqual(await scene.engine().interruptedExports(), []);
        await scene.engine().discardExport(scene.out);
      });
      await first.export(request, () => {});
      assert.ok(second);
      assert.deepEqual(await fs.readFile(scene.out), expected);
    }));

  it("a journal that cannot be written does not keep an export from being made", () =>
    check(async (scene) => {
      const expected = await whole(scene);
      await fs.writeFile(path.dirname(scene.storage), "a file where the folder should be");
      await scene.engine().export({ path: scene.source, encoding: "q8_0", output: scene.out }, () => {});
      assert.deepEqual(await fs.readFile(scene.out), expected);
    }));
});
