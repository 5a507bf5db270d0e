import assert from "node:assert/strict";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { CancellationSource } from "../../../src/core/cancellation";
import type { EngineError } from "../../../src/core/errors";
import { createEngine } from "../../../src/engine/createEngine";
import { inFolder, toyBytes, toyDeps, toyFormat, ToyPool } from "../../builders/toyModel";

const small = [{ name: "w", shape: [2, 32] }];

describe("engine: open", () => {
  it("starts no worker threads for a header", async () => {
    await inFolder(async (folder) => {
      const file = path.join(folder, "m.toy");
      await fs.writeFile(file, toyBytes(small));
      const { engine } = createEngine(toyDeps(() => assert.fail("threads started")));
      assert.equal((await engine.open(file)).tensors.length, 1);
      assert.equal((await engine.device()).threads, 2);
      assert.ok((await engine.encodings()).some((e) => e.name === "q4_0"));
    });
  });

  it("reads a header once while the file stays, and again when it changed", async () => {
    await inFolder(async (folder) => {
      const file = path.join(folder, "m.toy");
      await fs.writeFile(file, toyBytes(small));
      let reads = 0;
      const counting = { ...toyFormat, readIndex: (...a: Parameters<typeof toyFormat.readIndex>) => (reads++, toyFormat.readIndex(...a)) };
      const { engine } = createEngine(toyDeps(() => new ToyPool(), { formats: [counting] }));
      await Promise.all([engine.open(file), engine.open(file)]);
      await engine.open(file);
      assert.equal(reads, 1);
      await fs.writeFile(file, toyBytes([...small, { name: "v", shape: [4, 32] }]));
      assert.equal((await engine.open(file)).tensors.length, 2);
      assert.equal(reads, 2);
    });
  });

  const refused: readonly [string, string | Uint8Array, RegExp][] = [
    ["text", "hello, world", /begins with "hello, w"/],
    ["bytes", Uint8Array.of(0, 1, 254, 255), /begins with the bytes 00 01 fe ff/],
  ];
  for (const [name, content, pattern] of refused) {
    it(`says what it found in ${name} that no format claims`, async () => {
      await inFolder(async (folder) => {
        const file = path.join(folder, "m.toy");
        await fs.writeFile(file, content);
        const { engine } = createEngine(toyDeps(() => new ToyPool()));
        await assert.rejects(engine.open(file), (e: EngineError) => e.code === "not-recognised" && pattern.test(e.describe()));
      });
    });
  }

  it("a file that is not there is not-found", async () => {
    const { engine } = createEngine(toyDeps(() => new ToyPool()));
    await assert.rejects(engine.open("/nowhere/m.toy"), (e: EngineError) => e.code === "not-found" && /\/nowhere\/m\.toy/.test(e.describe()));
  });

  it("a token that is cancelled already opens nothing", async () => {
    const { engine } = createEngine(toyDeps(() => new ToyPool(), { formats: [] }));
    const source = new CancellationSource();
    source.cancel();
    await assert.rejects(engine.open("/nowhere", source.token), (e: EngineError) => e.code === "cancelled");
  });
});
