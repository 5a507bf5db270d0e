import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { AnalyseEvent } from "../../../src/core/api/engine";
import { CancellationSource } from "../../../src/core/cancellation";
import { EngineError } from "../../../src/core/errors";
import type { EngineClient } from "../../../src/node/engineClient";
import { launchEngine } from "../../../src/node/engineClient";
import { CrashCount, describeExit } from "../../../src/node/engineExit";
import { builtModule } from "../../builders/built";
import { inFolder, toyBytes } from "../../builders/toyModel";

const childModule = () => builtModule(path.join(__dirname, "../../builders/engineChild.ts"));

/** Of tests that have not ended yet, or never will: a process left behind would keep the whole run from ending. */
const clients = new Set<EngineClient>();

async function check(work: (client: EngineClient, told: { exits: string[]; lines: string[] }) => Promise<void>): Promise<void> {
  const told = { exits: [] as string[], lines: [] as string[] };
  const client = launchEngine({ modulePath: childModule(), threads: 1, onExit: (m) => told.exits.push(m), log: (l) => told.lines.push(l) });
  clients.add(client);
  await work(client, told);
}

const failsWith = (code: string, pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof EngineError, String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, pattern);
  return true;
};

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("engine process", () => {
  afterEach(() => {
    for (const client of clients) client.dispose();
    clients.clear();
  });

  it("answers as the engine does, with typed arrays and numbers that JSON cannot hold", async () => {
    await check(async ({ engine }) => {
      await inFolder(async (folder) => {
        const file = path.join(folder, "m.toy");
        await fs.writeFile(file, toyBytes([{ name: "w", shape: [2, 32] }]));
        assert.deepEqual((await engine.open(file)).tensors.map((t) => t.name), ["w"]);
      });
      const events: AnalyseEvent[] = [];
      const source = new CancellationSource();
      const summary = await engine.analyse({ path: "any", encodings: ["a", "b"] }, (e) => events.push(e), source.token);
      assert.equal(summary.failed, 2, "the token did not arrive, or the request did not");
      // All events are there when the answer is, in order.
      const reports = events.flatMap((e) => (e.kind === "report" ? [e.report] : []));
      assert.deepEqual(reports.map((r) => r.name), ["t0", "t1", "t2", "t3", "t4"]);
      assert.deepEqual(reports[3].output?.absMax, Float32Array.of(3, NaN, Infinity));
    });
  });

  it("an error keeps its code, message and place", async () => {
    await check(async ({ engine }) => {
      await assert.rejects(engine.open("throw"), (error: EngineError) => {
        assert.deepEqual(error.toJSON(), { code: "malformed", message: "The header is broken.", place: { file: "/x", tensor: "t", offset: 12 } });
        return error instanceof EngineError;
      });
    });
  });

  it("a cancelled analysis rejects at once though the engine never answers; a cancelled export when it has cleaned up", async () => {
    await check(async ({ engine }) => {
      await engine.device();
      const first = new CancellationSource();
      const analysis = engine.analyse({ path: "hang", encodings: [] }, () => {}, first.token);
      first.cancel();
      await assert.rejects(analysis, failsWith("cancelled", /./));
      await inFolder(async (folder) => {
        const second = new CancellationSource();
        const output = path.join(folder, "trace");
        const writing = engine.export({ path: "any", encoding: "any", output }, () => {}, second.token);
        setTimeout(() => second.cancel(), 20);
        await assert.rejects(writing, failsWith("cancelled", /./));
        assert.equal(await fs.readFile(output, "utf8"), "cleaned");
      });
    });
  });

  it("kill -9 rejects everyone who waits, and the next call starts a new process", async () => {
    await check(async (client, told) => {
      await client.engine.device();
      const first = client.pid!;
      const waiting = [client.engine.open("hang"), client.engine.analyse({ path: "hang", encodings: [] }, () => {})];
      const settled = Promise.allSettled(waiting);
      process.kill(first, "SIGKILL");
      for (const one of await settled) {
        assert.equal(one.status, "rejected");
        failsWith("engine-gone", /killed \(SIGKILL\).*memory.*starts again with the next action/)((one as PromiseRejectedResult).reason);
      }
      assert.equal(told.exits.length, 1);
      assert.equal(client.pid, undefined);
      await client.engine.device();
      assert.notEqual(client.pid, first);
    });
  });

  it("a call that is cancelled after its engine has died tells nobody, and throws at nobody", async () => {
    await check(async (client) => {
      await client.engine.device();
      const source = new CancellationSource();
      const call = client.engine.analyse({ path: "hang", encodings: [] }, () => {}, source.token);
      process.kill(client.pid!, "SIGKILL");
      await assert.rejects(call, failsWith("engine-gone", /./));
      assert.doesNotThrow(() => source.cancel());
    });
  });

  it("an engine that keeps dying stays down until somebody restarts it", async () => {
    await check(async (client, told) => {
      for (const pattern of [/exit code 7.*starts again/, /exit code 7.*starts again/, /exit code 7.*stays down/]) {
        await assert.rejects(client.engine.open("exit"), failsWith("engine-gone", pattern));
      }
      await assert.rejects(client.engine.device(), failsWith("engine-gone", /three times within a minute.*restart/));
      assert.equal(client.pid, undefined);
      assert.equal(told.exits.length, 3);
      client.restart();
      assert.equal((await client.engine.device()).name, "CPU");
    });
  });

  it("restart and dispose reject who waits, end the process, and are no crashes", async () => {
    await check(async (client, told) => {
      await client.engine.device();
      const first = client.pid!;
      const waiting = client.engine.open("hang");
      client.restart();
      await assert.rejects(waiting, failsWith("engine-gone", /restarted/));
      await client.engine.device();
      const second = client.pid!;
      assert.notEqual(second, first);
      const again = client.engine.open("hang");
      client.dispose();
      await assert.rejects(again, failsWith("engine-gone", /stopped/));
      await assert.rejects(client.engine.device(), failsWith("engine-gone", /stopped/));
      await until(() => !isAlive(first) && !isAlive(second));
      assert.deepEqual(told.exits, []);
    });
  });

  it("what the process prints reaches the log", async () => {
    await check(async ({ engine }, { lines }) => {
      await assert.rejects(engine.open("say"));
      await until(() => lines.includes("a line on stderr"));
    });
  });

  it("the process does not outlive a parent that was killed", async () => {
    const parentModule = builtModule(path.join(__dirname, "../../builders/engineParent.ts"));
    const parent = spawn(process.execPath, [parentModule, childModule()], { stdio: ["ignore", "pipe", "inherit"] });
    const pid = Number(await new Promise((resolve) => parent.stdout.once("data", resolve)));
    assert.ok(isAlive(pid));
    parent.kill("SIGKILL");
    await until(() => !isAlive(pid));
  });

  it("a module that is not there is an error, not silence", async () => {
    const client = launchEngine({ modulePath: "/nowhere/engine.js" });
    await assert.rejects(client.engine.device(), failsWith("engine-gone", /exit code 1/));
    client.dispose();
  });

  const exits: readonly [Parameters<typeof describeExit>[0], RegExp][] = [
    [{ code: null, signal: "SIGABRT", lastWords: ["FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory"] }, /out of memory; close/],
    [{ code: null, signal: "SIGSEGV", lastWords: [] }, /SIGSEGV/],
    [{ code: 3, signal: null, lastWords: [] }, /exit code 3.*log/],
  ];
  for (const [facts, pattern] of exits) it(`an end by ${facts.signal ?? facts.code} is told in words`, () => assert.match(describeExit(facts), pattern));

  it("three crashes spread over more than a minute are not too many", () => {
    let now = 0;
    const crashes = new CrashCount(() => now);
    for (const at of [0, 30_000, 60_001]) {
      now = at;
      crashes.add();
    }
    assert.equal(crashes.tooMany(), false);
    now = 80_000;
    crashes.add();
    assert.equal(crashes.tooMany(), true);
    crashes.forget();
    assert.equal(crashes.tooMany(), false);
  });
});
