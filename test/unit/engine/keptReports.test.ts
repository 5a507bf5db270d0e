import assert from "node:assert/strict";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { AnalyseEvent, AnalyseRequest } from "../../../src/core/api/engine";
import { EngineError } from "../../../src/core/errors";
import type { TensorReport } from "../../../src/core/series";
import { createEngine } from "../../../src/engine/createEngine";
import type { EngineDeps } from "../../../src/engine/deps";
import type { Task } from "../../../src/engine/tasks";
import { createNodeEngine } from "../../../src/node/createNodeEngine";
import { createResultStore } from "../../../src/node/resultStore";
import { inFolder, toyBytes, toyDeps, ToyPool } from "../../builders/toyModel";

const sample = path.join(__dirname, "../../../media/sample");
const tensors = ["a", "b", "c", "d"].map((name) => ({ name, shape: [4, 64] }));

interface Scene {
  readonly source: string;
  readonly storage: string;
  /** Names measured and names remembered by a new engine, as after the old one's process ended. */
  analyse(
    request?: Partial<AnalyseRequest>, options?: { before?: (task: Task) => void | Promise<void>; deps?: Partial<EngineDeps> },
  ): Promise<{ measured: string[]; remembered: string[]; failed: string[] }>;
}

async function check(work: (scene: Scene) => Promise<void>): Promise<void> {
  await inFolder(async (root) => {
    const source = path.join(root, "model.toy");
    const storage = path.join(root, "storage");
    await fs.writeFile(source, toyBytes(tensors));
    await work({
      source, storage,
      async analyse(request = {}, { before, deps } = {}) {
        const { engine } = createEngine(toyDeps(() => new ToyPool(before), { results: createResultStore(storage), ...deps }));
        const events: AnalyseEvent[] = [];
        await engine.analyse({ path: source, encodings: ["q8_0"], ...request }, (e) => events.push(e));
        const reports = events.flatMap((e) => (e.kind === "report" ? [e] : []));
        const names = (remembered: boolean) => reports.filter((e) => (e.remembered === true) === remembered).map((e) => e.report.name).sort();
        return { measured: names(false), remembered: names(true), failed: events.flatMap((e) => (e.kind === "failed" ? [e.tensor] : [])).sort() };
      },
    });
  });
}

const all = ["a", "b", "c", "d"];

describe("engine: what an earlier analysis measured", () => {
  it("is remembered, and only what is missing is measured", () =>
    check(async ({ analyse }) => {
      const before = (task: Task) => {
        if (task.kind === "analyse" && task.tensor.name > "b") throw new EngineError("engine-gone", "A worker ended.");
      };
      assert.deepEqual(await analyse({}, { before }), { measured: ["a", "b"], remembered: [], failed: ["c", "d"] });
      assert.deepEqual(await analyse(), { measured: ["c", "d"], remembered: ["a", "b"], failed: [] });
      assert.deepEqual(await analyse({ tensors: ["d"] }), { measured: [], remembered: ["d"], failed: [] });
      assert.deepEqual(await analyse(), { measured: [], remembered: all, failed: [] });
    }));

  /** What is done in between, and whether everything must be measured again. */
  const changes: Record<string, { act?(scene: Scene): Promise<void>; request?: Partial<AnalyseRequest>; deps?: Partial<EngineDeps> }> = {
    "of other weights": { act: (s) => fs.writeFile(s.source, toyBytes(tensors, Math.cos)) },
    "of other weights, where size and time of change were put back": {
      async act({ source }) {
        const { atime, mtime } = await fs.stat(source);
        const bytes = await fs.readFile(source);
        // Far from the bytes that the fingerprint looks at.
        bytes[bytes.length - 1] ^= 1;
        await fs.writeFile(source, bytes);
        await fs.utimes(source, atime, mtime);
      },
    },
    "of a file that another one took the place of": {
      async act({ source }) {
        await fs.copyFile(source, `${source}.new`);
        await fs.rename(`${source}.new`, source);
      },
    },
    "with other encodings": { request: { encodings: ["q4_0"] } },
    "by other code": { deps: { build: "newer" } },
    "when it shall be measured again": { request: { fresh: true } },
    "that was damaged": {
      async act({ storage }) {
        for (const entry of await fs.readdir(storage, { recursive: true, withFileTypes: true })) {
          if (!entry.isFile()) continue;
          const file = path.join(entry.parentPath, entry.name);
          const bytes = await fs.readFile(file);
          bytes[bytes.length - 1] ^= 4;
          await fs.writeFile(file, bytes);
        }
      },
    },
  };
  for (const [what, { act, request, deps }] of Object.entries(changes)) {
    it(`is not believed ${what}`, () =>
      check(async (scene) => {
        await scene.analyse();
        await act?.(scene);
        assert.deepEqual(await scene.analyse(request, { deps }), { measured: all, remembered: [], failed: [] });
        const { fresh: _fresh, ...again } = request ?? {};
        assert.deepEqual((await scene.analyse(again, { deps })).remembered, all);
      }));
  }

  it("while the file was being replaced is not kept", () =>
    check(async (scene) => {
      let touched = false;
      const before = async () => {
        if (!touched) await fs.utimes(scene.source, new Date(), new Date(1e12));
        touched = true;
      };
      await scene.analyse({}, { before });
      assert.deepEqual((await scene.analyse()).remembered, []);
    }));

  it("is the same to the last bit, without its large parts where these are not wanted", () =>
    inFolder(async (storage) => {
      const measure = async (request: Partial<AnalyseRequest> = {}) => {
        const { engine } = createNodeEngine({ threads: 2, storage });
        const found = new Map<string, TensorReport>();
        let remembered = 0;
        const { progress } = await engine.analyse({ path: sample, encodings: ["q4_K", "q8_0"], ...request }, (e) => {
          if (e.kind !== "report") return;
          // A field that is undefined and one that is absent are the same to every reader.
          found.set(e.report.name, Object.fromEntries(Object.entries(e.report).filter(([, v]) => v !== undefined)) as unknown as TensorReport);
          if (e.remembered) remembered++;
        });
        engine.dispose();
        return { reports: [...found].sort(([a], [b]) => (a < b ? -1 : 1)), remembered, progress };
      };
      const first = await measure();
      const second = await measure();
      assert.deepEqual([first.remembered, second.remembered, second.reports.length], [0, 38, 38]);
      assert.deepEqual(second.reports, first.reports);
      const { bytesTotal } = second.progress;
      assert.deepEqual([second.progress.bytesDone, second.progress.before], [bytesTotal, { tensors: 38, bytes: bytesTotal }]);
      const lightly = await measure({ lightRemembered: true });
      for (const [i, [name, report]] of lightly.reports.entries()) {
        const { output: _output, input: _input, heat: _heat, ...light } = first.reports[i][1];
        assert.deepEqual(report, light, name);
      }
      const [name] = first.reports[3];
      assert.deepEqual((await measure({ tensors: [name] })).reports, [first.reports[3]]);
    }));

  it("goes on with the errors of encodings, too", () =>
    inFolder(async (root) => {
      const folder = path.join(root, "model");
      await fs.cp(sample, folder, { recursive: true });
      const table = async (storage: string) => {
        const { engine } = createNodeEngine({ threads: 2, storage });
        let before = 0;
        const found = await engine.sensitivity({ path: folder, target: "gguf" }, (p) => (before = p.before?.tensors ?? 0));
        engine.dispose();
        return { found, before };
      };
      const first = await table(path.join(root, "storage"));
      await fs.rm(path.join(folder, ".bitlens"), { recursive: true });
      const second = await table(path.join(root, "storage"));
      assert.deepEqual(second.found, first.found);
      await fs.rm(path.join(folder, ".bitlens"), { recursive: true });
      // Half of the rows are there: the rest is measured again.
      const shelves = path.join(root, "storage/results");
      const [shelf] = await fs.readdir(shelves);
      const rows = await fs.readdir(path.join(shelves, shelf));
      assert.equal(rows.length, first.found.tensors.length);
      for (const row of rows.slice(0, rows.length / 2)) await fs.rm(path.join(shelves, shelf, row));
      assert.deepEqual((await table(path.join(root, "storage"))).found, first.found);
      assert.equal((await fs.readdir(path.join(shelves, shelf))).length, rows.length);
    }));
});
