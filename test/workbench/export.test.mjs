import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { eventually, findCommand, openInPanel, palette, quickPick, toasts } from "../harness/workbench.mjs";
import { weights, writeGguf, writeSafetensors } from "../extension/models.ts";
import { root } from "../harness/paths.mjs";
import { panelState } from "./panel.mjs";
import { modelFolder, screenshot, startSession } from "./session.mjs";

/** The engine among a server's descendants. */
function enginePid(server) {
  const table = execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8" }).split("\n");
  const rows = table.map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line)).filter(Boolean);
  const children = (pid) => rows.filter((r) => Number(r[2]) === pid).flatMap((r) => [r, ...children(Number(r[1]))]);
  const engine = children(server).find((r) => r[3].includes("dist/engine.js"));
  assert.ok(engine, "no engine runs");
  return Number(engine[1]);
}

const dialogInput = ".quick-input-widget input.input";

describe("exporting from the workbench", () => {
  let session, page;
  before(async function () {
    this.timeout(180_000);
    session = await startSession({
      folder: modelFolder((folder) => {
        writeGguf(path.join(folder, "small.gguf"));
        const values = weights(1024, 1024);
        writeSafetensors(
          path.join(folder, "dense.safetensors"),
          Array.from({ length: 40 }, (_, i) => ({ name: `model.layers.${i}.mlp.up_proj.weight`, shape: [1024, 1024] })),
          () => values,
        );
        // 26 GB that take no disk: reading them outlasts what a test does meanwhile, on any machine. One for each test that
        // measures, as what was measured is remembered.
        for (const name of ["big.safetensors", "huge.safetensors"]) {
          writeSafetensors(
            path.join(folder, name),
            Array.from({ length: 96 }, (_, i) => ({ name: `model.layers.${i}.mlp.up_proj.weight`, shape: [8192, 8192] })),
          );
        }
      }),
      settings: { "bitlens.encodings": ["q8_0"] },
      log: "export-server.log",
    });
    ({ page } = session);
  });
  after(() => session?.end());
  afterEach(async function () {
    if (this.currentTest.state === "failed")
      await screenshot(page, `failed-${this.currentTest.title.replace(/\W+/g, "-").slice(0, 60)}`);
    assert.deepEqual(session.browser.problems(), []);
  });

  /** Answers the workbench's own save dialog, which fills in its proposal some time after it opened. */
  async function saveAs(target) {
    const input = page.locator(dialogInput);
    await eventually(async () => assert.match(await input.inputValue(), /[\\/]/), 20_000);
    await eventually(async () => {
      await input.fill(target);
      for (let i = 0; i < 3; i++) {
        await page.waitForTimeout(250);
        assert.equal(await input.inputValue(), target);
      }
    }, 20_000);
    await page.keyboard.press("Enter");
  }

  it("a GGUF file is exported by way of the quick pick and the save dialog, and the copy opens", async () => {
    await openInPanel(page, "small.gguf");
    await panelState(page, "done");
    await palette(page, "Bitlens: Export Quantized Model");
    const { all, row } = await quickPick(page, { title: "Export small.gguf", text: "Q8_0" });
    assert.ok(
      all.some((text) => /kB|MB/.test(text) && /bpw/.test(text)),
      all.join(" | "),
    );
    await screenshot(page, "export-choices");
    await row.click();
    const target = path.join(session.folder, "copy.gguf");
    await saveAs(target);
    const toast = toasts(page).filter({ hasText: "Exported copy.gguf" }).first();
    await toast.waitFor({ timeout: 30_000 });
    await screenshot(page, "export-done");
    assert.equal(readFileSync(target).subarray(0, 4).toString(), "GGUF");
    await toast.getByText("Open", { exact: true }).click();
    await page.locator(".tab.active").filter({ hasText: "copy.gguf" }).waitFor();
    await panelState(page, "done");
  });

  it("a chart is saved as CSV and as PNG through the save dialog", async () => {
    for (const [kind, begins] of [["CSV", /^[^,\n]+,/], ["PNG", /^\x89PNG/]]) {
      const target = path.join(session.folder, `map.${kind.toLowerCase()}`);
      await session.panel.locator(`#view-map [aria-label$="save as ${kind}"]`).first().click();
      await saveAs(target);
      await eventually(async () => assert.match(readFileSync(target, "latin1"), begins), 20_000);
    }
  });

  it("a safetensors model is exported to a folder with its configuration", async () => {
    await palette(page, "View: Close All Editors");
    // Files that just appeared move the rows, so that a click may land on a neighbour.
    const row = (name) => page.locator(".explorer-folders-view .monaco-list-row").filter({ hasText: name }).first();
    await eventually(async () => {
      if (!(await row("model.safetensors").isVisible())) await row("tale").click();
      await row("model.safetensors").waitFor({ timeout: 3_000 });
    }, 30_000);
    await palette(page, "View: Close All Editors");
    await openInPanel(page, "model.safetensors");
    await panelState(page, "done");
    await palette(page, "Bitlens: Export Quantized Model");
    await (await quickPick(page, { title: "Export model.safetensors", text: /INT8|8 bit/ })).click();
    const target = path.join(session.folder, "tale-int8");
    await saveAs(target);
    await toasts(page).filter({ hasText: "Exported tale-int8" }).first().waitFor({ timeout: 40_000 });
    const config = JSON.parse(readFileSync(path.join(target, "config.json"), "utf8"));
    assert.equal(config.quantization_config.format, "pack-quantized");
    assert.ok(existsSync(path.join(target, "tokenizer.json")));
  });

  it("an export whose engine is killed is offered again after a reload, goes on, and ends with the same bytes", async function () {
    this.timeout(180_000);
    await palette(page, "View: Close All Editors");
    await openInPanel(page, "dense.safetensors");
    await panelState(page, "done");
    await palette(page, "Bitlens: Export Quantized Model");
    await (await quickPick(page, { title: "Export dense.safetensors", text: /INT4.*32/ })).click();
    const target = path.join(session.folder, "dense-int4");
    await saveAs(target);
    await eventually(async () => assert.ok(readdirSync(session.folder).some((name) => name.endsWith(".partial"))), 20_000, 10);
    process.kill(enginePid(session.server.child.pid), "SIGKILL");
    const interrupted = () => toasts(page).filter({ hasText: /dense-int4 was interrupted at \d+ of 40 tensors/ }).first();
    await interrupted().waitFor({ timeout: 20_000 });
    await screenshot(page, "export-interrupted");
    assert.ok(!existsSync(target));
    await page.reload();
    await interrupted().waitFor({ timeout: 60_000 });
    await interrupted().getByText("Resume", { exact: true }).click();
    await toasts(page).filter({ hasText: "Exported dense-int4" }).first().waitFor({ timeout: 60_000 });
    await screenshot(page, "export-resumed");
    const reference = path.join(session.folder, "reference");
    execFileSync(process.execPath, [path.join(root, "dist/cli.js"), "export", path.join(session.folder, "dense.safetensors"), "-e", "int4-g32", "-o", reference]);
    assert.deepEqual(readdirSync(target).sort(), readdirSync(reference).sort());
    for (const name of readdirSync(target)) assert.ok(readFileSync(path.join(target, name)).equals(readFileSync(path.join(reference, name))), name);
    assert.deepEqual(readdirSync(session.folder).filter((name) => name.endsWith(".partial")), []);
    await palette(page, "Notifications: Clear All Notifications");
  });

  it("a killed engine is told in the panel, which offers to resume, and resumes", async () => {
    await palette(page, "View: Close All Editors");
    await openInPanel(page, "big.safetensors");
    await panelState(page, "running");
    process.kill(enginePid(session.server.child.pid), "SIGKILL");
    await panelState(page, "engine-restarted");
    await screenshot(page, "engine-killed");
    await session.panel.locator("header.head .actions vscode-button").first().click();
    await panelState(page, "running", "done");
    await palette(page, "Notifications: Clear All Notifications");
  });

  it("cancelling an analysis and an export acts at once and leaves nothing behind", async () => {
    await palette(page, "View: Close All Editors");
    await openInPanel(page, "huge.safetensors");
    await panelState(page, "running");
    await palette(page, "Bitlens: Cancel");
    await panelState(page, "cancelled");
    await palette(page, "Bitlens: Export Quantized Model");
    await (await quickPick(page, { title: "Export huge.safetensors", text: /bpw/ })).click();
    await saveAs(path.join(session.folder, "never"));
    await toasts(page).filter({ hasText: "Exporting huge.safetensors" }).first().waitFor({ timeout: 20_000 });
    await palette(page, "Bitlens: Cancel");
    await eventually(async () => assert.equal(await toasts(page).filter({ hasText: "Exporting" }).count(), 0), 20_000);
    assert.deepEqual(
      readdirSync(session.folder).filter((name) => /never|partial|tmp/i.test(name)),
      [],
    );
  });
});

describe("Restricted Mode", () => {
  let session, page;
  before(async function () {
    this.timeout(180_000);
    session = await startSession({
      trusted: false,
      settings: { "security.workspace.trust.startupPrompt": "never" },
      log: "restricted-server.log",
    });
    ({ page } = session);
  });
  after(() => session?.end());

  it("models are shown and measured, and exporting is not offered", async () => {
    await openInPanel(page, "sample.safetensors");
    await panelState(page, "done");
    await findCommand(page, "Bitlens: Analyze Model");
    const input = page.locator(dialogInput);
    await input.fill(">Bitlens: Export Quantized");
    await eventually(async () => {
      const rows = await page.locator(".quick-input-widget .monaco-list-row").allInnerTexts();
      assert.ok(!rows.some((text) => text.includes("Export Quantized Model")), rows.join(" | "));
    }, 10_000);
    await page.keyboard.press("Escape");
    assert.deepEqual(session.browser.problems(), []);
  });
});
