import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { createResultStore } from "../../../src/node/resultStore";
import { inFolder } from "../../builders/toyModel";

const kilobytes = (n: number, fill = 7) => new Uint8Array(n * 1024).fill(fill);
const long = (ago: number) => new Date(Date.now() - ago * 60_000);

describe("kept results", () => {
  it("are had by another store in the same folder, by shelf and name", () =>
    inFolder(async (storage) => {
      const shelf = await createResultStore(storage).shelf("model", "key");
      await shelf.write("a", kilobytes(1));
      await shelf.write("b/../c", kilobytes(2));
      const again = await createResultStore(storage).shelf("model", "key");
      assert.equal((await again.read("a"))!.length, 1024);
      assert.equal((await again.read("b/../c"))!.length, 2048);
      assert.equal(await again.read("b"), undefined);
      assert.equal(await (await createResultStore(storage).shelf("other", "key")).read("a"), undefined);
    }));

  it("of another key of the same subject are void and removed", () =>
    inFolder(async (storage) => {
      const store = createResultStore(storage);
      await (await store.shelf("model", "old")).write("a", kilobytes(1));
      await (await store.shelf("other", "old")).write("a", kilobytes(1));
      assert.equal(await (await store.shelf("model", "new")).read("a"), undefined);
      assert.deepEqual(fs.readdirSync(path.join(storage, "results")).sort(), ["model-new", "other-old"]);
    }));

  it("stay below their bound: those used longest ago go first, those in use never", () =>
    inFolder(async (storage) => {
      for (const [i, name] of ["a", "b", "c"].entries()) {
        await (await createResultStore(storage).shelf(name, "0")).write("x", kilobytes(30));
        fs.utimesSync(path.join(storage, "results", `${name}-0`), long(60 - i), long(60 - i));
      }
      const store = createResultStore(storage, { maximum: 100 * 1024 });
      // Looked at again: no longer the oldest.
      await store.shelf("a", "0");
      const shelf = await store.shelf("d", "0");
      await shelf.write("x", kilobytes(30));
      assert.deepEqual(fs.readdirSync(path.join(storage, "results")).sort(), ["a-0", "d-0"]);
      for (let i = 0; i < 20; i++) await shelf.write(`y${i}`, kilobytes(10));
      const bytes = fs.readdirSync(path.join(storage, "results"), { recursive: true, withFileTypes: true })
        .reduce((sum, f) => sum + (f.isFile() ? fs.statSync(path.join(f.parentPath, f.name)).size : 0), 0);
      assert.ok(bytes <= 100 * 1024 && bytes > 80 * 1024, `${bytes} bytes`);
      assert.ok(await shelf.read("x"));
    }));

  it("that cannot be stored are no error", () =>
    inFolder(async (storage) => {
      fs.writeFileSync(path.join(storage, "results"), "a file where the folder should be");
      const shelf = await createResultStore(storage).shelf("model", "key");
      await shelf.write("a", kilobytes(1));
      assert.equal(await shelf.read("a"), undefined);
    }));
});
