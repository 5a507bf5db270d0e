import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { createResultStore } from "../../../src/node/resultStore";
import { report } from "../../builders/report";
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
      assert.deepEqual(await again.read("a"), kilobytes(1));
      assert.deepEqual(await again.read("b/../c"), kilobytes(2));
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

  const values: readonly (readonly [string, unknown])[] = [
    ["nothing", null],
    ["text beyond ASCII", { name: "模型.§.\u0000\ud83d\ude00" }],
    ["numbers that JSON does not know", { a: Number.NaN, b: Infinity, c: -Infinity, d: -0, e: 0, f: 5e-324, g: 0.1 + 0.2 }],
    ["arrays of every type, empty ones too", {
      f32: Float32Array.of(1.5, Number.NaN, -0, Infinity), f64: Float64Array.of(0.1, -Infinity), u8: Uint8Array.of(1, 2, 3),
      u16: Uint16Array.of(65535), u32: Uint32Array.of(4294967295), i32: Int32Array.of(-1), none: new Float32Array(),
    }],
    ["a report with what is not finite", { ...report("t", Float32Array.of(1, -2, 3, 0, Number.NaN, 7, 8, Infinity), 4), none: undefined }],
  ];
  for (const [what, value] of values) {
    it(`of ${what} are read as they were written`, () =>
      inFolder(async (storage) => {
        const shelf = await createResultStore(storage).shelf("model", "key");
        await shelf.write("a", value);
        assert.deepEqual(await shelf.read("a"), value);
      }));
  }

  it("hold of an array what it shows, in a buffer of exactly its size", () =>
    inFolder(async (storage) => {
      const shelf = await createResultStore(storage).shelf("model", "key");
      const large = new Float64Array(2 ** 16).fill(Math.PI);
      // One byte of text before them: in the file they begin at odd places.
      for (const text of ["", "x"]) {
        await shelf.write("a", { text, bytes: new Uint8Array(large.buffer, 3, 5), values: large.subarray(7, 9) });
        assert.ok(sizeOfOnly(storage) < 300, `${sizeOfOnly(storage)} bytes`);
        const { bytes, values } = (await shelf.read("a")) as { bytes: Uint8Array; values: Float64Array };
        assert.deepEqual(values, Float64Array.of(Math.PI, Math.PI));
        assert.deepEqual([bytes, values].map((a) => [a.byteOffset, a.buffer.byteLength]), [[0, 5], [0, 16]]);
      }
    }));

  it("are not believed when any of their bits is another, a part is missing or they lie under another name", () =>
    inFolder(async (storage) => {
      const shelf = await createResultStore(storage).shelf("model", "key");
      const value = { name: "t", values: Float32Array.of(1, 2, 3) };
      await shelf.write("a", value);
      const file = only(storage);
      const bytes = fs.readFileSync(file);
      for (let at = 0; at < bytes.length; at++) {
        for (const bit of [1, 128]) {
          const spoilt = Uint8Array.from(bytes);
          spoilt[at] ^= bit;
          fs.writeFileSync(file, spoilt);
          assert.equal(await shelf.read("a"), undefined, `byte ${at}`);
        }
        fs.writeFileSync(file, bytes.subarray(0, at));
        assert.equal(await shelf.read("a"), undefined, `${at} bytes`);
      }
      await shelf.write("b", 0);
      const other = fs.readdirSync(path.dirname(file)).map((n) => path.join(path.dirname(file), n)).find((f) => f !== file)!;
      fs.writeFileSync(other, bytes);
      fs.writeFileSync(file, bytes);
      assert.deepEqual([await shelf.read("a"), await shelf.read("b")], [value, undefined]);
    }));
});

/** The one file of a storage. */
function only(storage: string): string {
  const [file, ...others] = fs.readdirSync(storage, { recursive: true, withFileTypes: true }).filter((f) => f.isFile());
  assert.equal(others.length, 0);
  return path.join(file.parentPath, file.name);
}

const sizeOfOnly = (storage: string) => fs.statSync(only(storage)).size;
