import assert from "node:assert/strict";
import type { ToPanel } from "../../../src/core/api/panel";
import { panelOutbox } from "../../../src/vscode/panelOutbox";
import { report } from "./reports";

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const running = (tensorsDone: number): Extract<ToPanel, { type: "status" }> => ({
  type: "status",
  status: { kind: "running", progress: { tensorsDone, tensorsTotal: 100, bytesDone: 0, bytesTotal: 0, seconds: 0 } },
});

/** Posted messages, with a way to wait until nothing more comes. */
function collect() {
  const posted: ToPanel[] = [];
  const outbox = panelOutbox((message) => posted.push(message));
  const settled = async () => {
    for (let n = -1; n !== posted.length;) {
      n = posted.length;
      await wait(130);
    }
    outbox.close();
    return posted;
  };
  return { outbox, posted, settled };
}
const names = (posted: readonly ToPanel[]) => posted.flatMap((m) => (m.type === "reports" ? m.reports.map((r) => r.name) : []));

describe("messages to the panel", () => {
  it("a webview that is not listening is sent nothing, and gets nothing stale when it listens", async () => {
    const { outbox, settled } = collect();
    outbox.report(report("lost"));
    outbox.put(running(1));
    outbox.open();
    outbox.report(report("new"));
    assert.deepEqual(names(await settled()), ["new"]);
  });

  it("a thousand reports become few messages, none lost, in order", async () => {
    const { outbox, settled } = collect();
    outbox.open();
    const all = Array.from({ length: 1000 }, (_, i) => `t${i}`);
    for (const name of all) outbox.report(report(name));
    const posted = await settled();
    assert.deepEqual(names(posted), all);
    assert.ok(posted.length < 30, `${posted.length} messages`);
  });

  it("a batch of huge reports is split, so that no message blocks the host", async () => {
    const { outbox, settled } = collect();
    outbox.open();
    for (let i = 0; i < 6; i++) outbox.report(report(`t${i}`, { channels: 60_000 }));
    const posted = await settled();
    assert.equal(names(posted).length, 6);
    assert.ok(posted.filter((m) => m.type === "reports").length >= 3, `${posted.length} messages`);
  });

  it("only the latest of many statuses is sent", async () => {
    const { outbox, settled } = collect();
    outbox.open();
    for (let i = 0; i <= 50; i++) outbox.put(running(i));
    assert.deepEqual(await settled(), [running(50)]);
  });

  it('"done" does not overtake the reports it speaks of', async () => {
    const { outbox, settled } = collect();
    outbox.open();
    for (let i = 0; i < 6; i++) outbox.report(report(`t${i}`, { channels: 60_000 }));
    outbox.put(running(6));
    const posted = await settled();
    assert.equal(posted.at(-1)?.type, "status");
    assert.equal(posted.filter((m) => m.type === "status").length, 1);
  });

  it("the model comes before the reports it explains", async () => {
    const { outbox, settled } = collect();
    outbox.open();
    outbox.report(report("t"));
    outbox.put({ type: "model", model: {} as never, device: { name: "CPU", threads: 1, simd: true }, encodings: [] });
    assert.deepEqual(
      (await settled()).map((m) => m.type),
      ["model", "reports"],
    );
  });

  it("closing with messages queued posts none of them", async () => {
    const { outbox, settled } = collect();
    outbox.open();
    outbox.report(report("t"));
    outbox.close();
    assert.deepEqual(await settled(), []);
  });
});
