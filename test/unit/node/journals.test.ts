import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { createJournals } from "../../../src/node/journals";
import { inFolder } from "../../builders/toyModel";

/** A number that no process has. */
const dead = 0x7ffffff0;

async function check(work: (journals: ReturnType<typeof createJournals>, folder: string) => Promise<void>): Promise<void> {
  await inFolder((storage) => work(createJournals(storage), path.join(storage, "exports")));
}

/** Writes a journal and leaves the lock as a process of that number would that had no time to let go. */
async function left(folder: string, name: string, entry: unknown, pid: number): Promise<void> {
  const journal = await createJournals(path.dirname(folder)).hold(name);
  await journal!.start(entry);
  await journal!.release();
  fs.writeFileSync(path.join(folder, `${name}.lock`), `${pid} 0123\n`);
}

describe("journals", () => {
  it("keep what was started and appended, for whoever holds them next", () =>
    check(async (journals) => {
      const first = (await journals.hold("a"))!;
      assert.deepEqual(first.entries, []);
      await first.start({ one: 1 });
      await first.append("two\nlines");
      await first.append([null, "模型"]);
      const written = [{ one: 1 }, "two\nlines", [null, "模型"]];
      assert.deepEqual([await journals.read("a"), await journals.idle()], [written, []]);
      await first.release();
      assert.deepEqual(await journals.idle(), ["a"]);
      const second = (await journals.hold("a"))!;
      assert.deepEqual(second.entries, written);
      await second.start("anew");
      await second.append("more");
      await second.release();
      assert.deepEqual(await journals.read("a"), ["anew", "more"]);
    }));

  it("are believed up to the first byte that is another or missing", () =>
    check(async (journals, folder) => {
      const journal = (await journals.hold("a"))!;
      const entries = ["first", { second: "模型" }, 3];
      await journal.start(entries[0]);
      for (const entry of entries.slice(1)) await journal.append(entry);
      await journal.release();
      const file = path.join(folder, "a.journal");
      const bytes = fs.readFileSync(file);
      const lineAt = (at: number) => bytes.subarray(0, at).filter((byte) => byte === 0x0a).length;
      for (let at = 0; at < bytes.length; at++) {
        const spoilt = Buffer.from(bytes);
        spoilt[at] ^= 4;
        for (const content of [spoilt, bytes.subarray(0, at)]) {
          fs.writeFileSync(file, content);
          assert.deepEqual(await journals.read("a"), entries.slice(0, lineAt(at)), `byte ${at}`);
        }
      }
    }));

  it("with a torn line are believed with what is added after it", () =>
    check(async (journals, folder) => {
      await left(folder, "a", "whole", dead);
      fs.appendFileSync(path.join(folder, "a.journal"), "0123456789abcdef {\"jo");
      const journal = (await journals.hold("a"))!;
      assert.deepEqual(journal.entries, ["whole"]);
      await journal.append("more");
      await journal.append("and more");
      assert.deepEqual(await journals.read("a"), ["whole", "more", "and more"]);
      await journal.release();
    }));

  it("removed, leave no file", () =>
    check(async (journals, folder) => {
      const journal = (await journals.hold("a"))!;
      await journal.start({});
      await journal.remove();
      await journal.release();
      assert.deepEqual(fs.readdirSync(folder), []);
      assert.equal(await journals.read("a"), undefined);
    }));

  it("held by a call of this process are refused at once", () =>
    check(async (journals, folder) => {
      const held = (await journals.hold("a"))!;
      assert.equal(await createJournals(path.dirname(folder)).hold("a"), undefined);
      assert.ok(await journals.hold("b"));
      await held.release();
      assert.ok(await journals.hold("a"));
    }));

  it("of a process that is gone can be held", () =>
    check(async (journals, folder) => {
      await left(folder, "a", "text", dead);
      assert.deepEqual(await journals.idle(), ["a"]);
      assert.deepEqual((await journals.hold("a"))!.entries, ["text"]);
      assert.deepEqual(fs.readdirSync(folder).sort(), ["a.journal", "a.lock"]);
    }));

  it("of a number that another process has now can be held once it was silent", () =>
    check(async (journals, folder) => {
      await left(folder, "a", "text", process.ppid);
      assert.deepEqual(await journals.idle(), []);
      const long = new Date(Date.now() - 5 * 60_000);
      fs.utimesSync(path.join(folder, "a.lock"), long, long);
      assert.deepEqual((await journals.hold("a"))!.entries, ["text"]);
    }));

  it("of a living process are had when it ends", () =>
    check(async (journals, folder) => {
      const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60_000)"]);
      await left(folder, "a", "text", child.pid!);
      const waiting = journals.hold("a");
      child.kill("SIGKILL");
      assert.deepEqual((await waiting)!.entries, ["text"]);
    }));

  it("are had by one of many who want what a dead process left", () =>
    check(async (journals, folder) => {
      await left(folder, "a", "text", dead);
      const held = await Promise.all(Array.from({ length: 8 }, () => createJournals(path.dirname(folder)).hold("a")));
      assert.equal(held.filter(Boolean).length, 1);
      assert.equal(await journals.hold("a"), undefined);
    }));

  it("of a folder that does not exist are none", () => check(async (journals) => assert.deepEqual(await journals.idle(), [])));
});
