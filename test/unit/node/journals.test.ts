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
async function left(folder: string, name: string, text: string, pid: number): Promise<void> {
  const journal = await createJournals(path.dirname(folder)).hold(name);
  await journal!.start(text);
  await journal!.release();
  fs.writeFileSync(path.join(folder, `${name}.lock`), `${pid} 0123\n`);
}

describe("journals", () => {
  it("keep what was started and appended, for whoever holds them next", () =>
    check(async (journals) => {
      const first = (await journals.hold("a"))!;
      assert.equal(first.text, "");
      await first.start("one\n");
      await first.append("two\n");
      await first.append("three\n");
      assert.deepEqual([await journals.read("a"), await journals.idle()], ["one\ntwo\nthree\n", []]);
      await first.release();
      assert.deepEqual(await journals.idle(), ["a"]);
      const second = (await journals.hold("a"))!;
      assert.equal(second.text, "one\ntwo\nthree\n");
      await second.start("anew\n");
      await second.append("more\n");
      await second.release();
      assert.equal(await journals.read("a"), "anew\nmore\n");
    }));

  it("removed, leave no file", () =>
    check(async (journals, folder) => {
      const journal = (await journals.hold("a"))!;
      await journal.start("text");
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
      assert.equal((await journals.hold("a"))!.text, "text");
      assert.deepEqual(fs.readdirSync(folder).sort(), ["a.journal", "a.lock"]);
    }));

  it("of a number that another process has now can be held once it was silent", () =>
    check(async (journals, folder) => {
      await left(folder, "a", "text", process.ppid);
      assert.deepEqual(await journals.idle(), []);
      const long = new Date(Date.now() - 5 * 60_000);
      fs.utimesSync(path.join(folder, "a.lock"), long, long);
      assert.equal((await journals.hold("a"))!.text, "text");
    }));

  it("of a living process are had when it ends", () =>
    check(async (journals, folder) => {
      const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60_000)"]);
      await left(folder, "a", "text", child.pid!);
      const waiting = journals.hold("a");
      child.kill("SIGKILL");
      assert.equal((await waiting)!.text, "text");
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
