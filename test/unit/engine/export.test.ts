import assert from "node:assert/strict";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { CancellationSource } from "../../../src/core/cancellation";
import { EngineError } from "../../../src/core/errors";
import { encoding } from "../../../src/encodings/index";
import { createEngine } from "../../../src/engine/createEngine";
import type { EngineDeps, Staging } from "../../../src/engine/deps";
import { engineFiles } from "../../../src/node/engineFiles";
import { inFolder, toyBytes, toyDeps, toyFormat, ToyPool } from "../../builders/toyModel";

const tensors = [{ name: "a", shape: [8, 64] }, { name: "norm", shape: [64] }, { name: "b", shape: [4, 96] }, { name: "odd", shape: [2, 33] }];

interface Scene {
  readonly folder: string;
  readonly source: string;
  readonly engine: ReturnType<typeof createEngine>["engine"];
  /** Names in the folder, without the source. */
  left(): Promise<string[]>;
}

/** Runs `work` on a model and asserts that its bytes stay. */
async function check(options: { pool?: ToyPool; deps?: Partial<EngineDeps> }, work: (scene: Scene) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const source = path.join(folder, "model.toy");
    const bytes = toyBytes(tensors);
    await fs.writeFile(source, bytes);
    const { engine, idle } = createEngine(toyDeps(() => options.pool ?? new ToyPool(), options.deps));
    const left = async () => (await fs.readdir(folder)).filter((n) => n !== "model.toy");
    try {
      await work({ folder, source, engine, left });
    } finally {
      engine.dispose();
      await idle();
    }
    assert.deepEqual(await fs.readFile(source), Buffer.from(bytes), "the source changed");
  });
}

const failsWith = (code: string, pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof EngineError, String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.describe(), pattern);
  return true;
};

/** Real files, with one call replaced. */
const filesWith = (change: (staging: Staging) => Staging): Partial<EngineDeps> => ({
  files: { ...engineFiles, stage: async (...given) => change(await engineFiles.stage(...given)) },
});

describe("engine: export", () => {
  it("writes what the plan says: encoded rows and untouched copies", async () => {
    await check({}, async ({ folder, source, engine, left }) => {
      const out = path.join(folder, "out.toy");
      const result = await engine.export({ path: source, encoding: "q8_0", output: out }, () => {});
      assert.deepEqual(await left(), ["out.toy"]);
      assert.deepEqual([result.output, result.files, result.tensorCount, result.notes], [out, [out], 2, ["vectors stay"]]);
      assert.equal(result.byteLength, (await fs.stat(out)).size);
      const written = await engine.open(out);
      const bytes = await fs.readFile(out);
      const original = await engine.open(source);
      const sourceBytes = await fs.readFile(source);
      for (const [i, t] of written.tensors.entries()) {
        const at = t.storage!.planes[0] as { offset: number; byteLength: number };
        const from = original.tensors[i].storage!.planes[0] as { offset: number; byteLength: number };
        const stored = bytes.subarray(at.offset, at.offset + at.byteLength);
        const plain = sourceBytes.subarray(from.offset, from.offset + from.byteLength);
        let expected: Uint8Array = plain;
        if (t.encodingLabel === "q8_0") {
          const values = new Float32Array(Uint8Array.from(plain).buffer);
          expected = new Uint8Array(t.byteLength);
          encoding("q8_0").encode!(values, t.shape[0], t.shape[1], [expected]);
        }
        assert.deepEqual(Buffer.from(stored), Buffer.from(expected), t.name);
      }
      assert.deepEqual(written.tensors.map((t) => t.encodingLabel), ["q8_0", "f32", "q8_0", "f32"]);
    });
  });

  it("predicts the size that the export then has", async () => {
    await check({}, async ({ folder, source, engine }) => {
      for (const choice of await engine.exportChoices(source)) {
        const result = await engine.export({ path: source, encoding: choice.encoding, output: path.join(folder, `${choice.encoding}.toy`) }, () => {});
        assert.equal(result.byteLength, choice.byteLength);
        assert.equal(result.bitsPerWeight, choice.bitsPerWeight);
        assert.equal(result.tensorCount, choice.tensorCount);
      }
    });
  });

  it("replaces an earlier output only when the new one is complete", async () => {
    const pool = new ToyPool(async (task) => {
      if (task.kind !== "encode") return;
      assert.equal(await fs.readFile(earlier, "utf8"), "earlier");
    });
    let earlier = "";
    await check({ pool }, async ({ folder, source, engine }) => {
      earlier = path.join(folder, "out.toy");
      await fs.writeFile(earlier, "earlier");
      await engine.export({ path: source, encoding: "q4_0", output: earlier }, () => {});
      assert.equal((await engine.open(earlier)).tensors.length, tensors.length);
    });
  });

  it("a cancelled export leaves nothing behind when it rejects", async () => {
    const source = new CancellationSource();
    const pool = new ToyPool((task) => {
      if (task.kind === "encode") source.cancel();
    });
    await check({ pool }, async (scene) => {
      const call = scene.engine.export({ path: scene.source, encoding: "q4_0", output: path.join(scene.folder, "out.toy") }, () => {}, source.token);
      await assert.rejects(call, failsWith("cancelled", /./));
      assert.deepEqual(await scene.left(), []);
    });
  });

  it("a full disk leaves nothing behind and says so", async () => {
    const full = () => Promise.reject(Object.assign(new Error("write"), { code: "ENOSPC" }));
    const deps = filesWith((s) => ({ ...s, files: s.files.map((file) => ({ path: file.path, write: full })) }));
    await check({ deps }, async ({ folder, source, engine, left }) => {
      await assert.rejects(engine.export({ path: source, encoding: "q4_0", output: path.join(folder, "out.toy") }, () => {}), failsWith("io", /disk is full/));
      assert.deepEqual(await left(), []);
    });
  });

  it("a disk with too little room is refused before anything is written", async () => {
    const deps = { files: { ...engineFiles, freeBytes: async () => 100, stage: () => assert.fail("staged") } };
    await check({ deps }, async ({ folder, source, engine }) => {
      await assert.rejects(engine.export({ path: source, encoding: "q4_0", output: path.join(folder, "out.toy") }, () => {}),
        failsWith("io", /takes .* kB and the disk has 100 bytes free/));
    });
  });

  it("a worker that dies stops the export, and what it had written goes", async () => {
    const pool = new ToyPool((task) => {
      if (task.kind === "encode" && task.tensor.name === "b") throw new EngineError("engine-gone", "A worker ended.");
    });
    await check({ pool }, async ({ folder, source, engine, left }) => {
      await assert.rejects(engine.export({ path: source, encoding: "q4_0", output: path.join(folder, "out.toy") }, () => {}), failsWith("engine-gone", /worker ended/));
      assert.deepEqual(await left(), []);
    });
  });

  it("an output that does not read back never gets its name", async () => {
    const lying = { ...toyFormat, planWrite: async (request: Parameters<typeof toyFormat.planWrite>[0]) => {
      const plan = await toyFormat.planWrite(request);
      const [file] = plan.files;
      return { ...plan, files: [{ ...file, byteLength: file.byteLength + 4, segments: [...file.segments, { kind: "bytes" as const, offset: file.byteLength, bytes: new Uint8Array(4) }] }] };
    } };
    await check({ deps: { formats: [lying] } }, async ({ folder, source, engine, left }) => {
      await assert.rejects(engine.export({ path: source, encoding: "q4_0", output: path.join(folder, "out.toy") }, () => {}), failsWith("io", /does not read back .*its header says/));
      assert.deepEqual(await left(), []);
    });
  });

  it("a source that changes under way is noticed", async () => {
    let touched = "";
    const pool = new ToyPool(async (task) => {
      if (task.kind === "encode") await fs.utimes(touched, new Date(), new Date(1e12));
    });
    await check({ pool }, async ({ folder, source, engine, left }) => {
      touched = source;
      await assert.rejects(engine.export({ path: source, encoding: "q4_0", output: path.join(folder, "out.toy") }, () => {}), failsWith("io", /changed on disk/));
      assert.deepEqual(await left(), []);
    });
  });

  const refusals: readonly [string, (scene: Scene) => Promise<{ encoding?: string; output: string }>, string, RegExp][] = [
    ["the source itself as output", async ({ source }) => ({ output: source }), "bad-request", /would replace a file of the model itself/],
    ["a link to the source as output", async ({ folder, source }) => {
      const output = path.join(folder, "link.toy");
      await fs.symlink(source, output);
      return { output };
    }, "bad-request", /would replace a file of the model itself/],
    ["another spelling of the source as output", async ({ folder }) => ({ output: `${folder}/../${path.basename(folder)}/./model.toy` }), "bad-request", /would replace/],
    ["an existing folder as output", async ({ folder }) => {
      await fs.mkdir(path.join(folder, "out.toy"));
      return { output: path.join(folder, "out.toy") };
    }, "bad-request", /existing folder/],
    ["an output with another ending", async ({ folder }) => ({ output: path.join(folder, "out.bin") }), "bad-request", /ends in \.toy/],
    ["an output in a folder that does not exist", async ({ folder }) => ({ output: path.join(folder, "no/out.toy") }), "not-found", /folder .*no does not exist/],
    ["a target of another format", async ({ folder }) => ({ output: path.join(folder, "out.toy"), encoding: "int4-g32" }), "bad-request", /choose one of: q8_0, q4_0/],
  ];
  for (const [name, make, code, pattern] of refusals) {
    it(`refuses ${name}`, async () => {
      await check({}, async (scene) => {
        const { output, encoding = "q4_0" } = await make(scene);
        const before = await scene.left();
        await assert.rejects(scene.engine.export({ path: scene.source, encoding, output }, () => {}), failsWith(code, pattern));
        assert.deepEqual(await scene.left(), before);
      });
    });
  }
});
