import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import path from "node:path";
import { root } from "../harness/paths.mjs";
import { chooseTheme, closeEditors, eventually, openInPanel, palette, quickPick } from "../harness/workbench.mjs";
import { chart, colours, panelState, selectedLayer } from "./panel.mjs";
import { modelFolder, screenshot, startSession } from "./session.mjs";

describe("comparing two models in the workbench", () => {
  let session, page, panel;
  before(async function () {
    this.timeout(180_000);
    const folder = modelFolder((folder) => {
      const args = ["export", path.join(folder, "tale/model.safetensors"), "--encoding", "Q4_K_M", "-o", path.join(folder, "tale-Q4_K_M.gguf")];
      execFileSync(process.execPath, [path.join(root, "dist/cli.js"), ...args], { stdio: "ignore" });
    });
    session = await startSession({ folder, size: { width: 1440, height: 900 }, log: "compare-server.log" });
    ({ page, panel } = session);
  });
  after(() => session?.end());
  afterEach(async function () {
    if (this.currentTest.state === "failed")
      await screenshot(page, `failed-${this.currentTest.title.replace(/\W+/g, "-").slice(0, 60)}`);
    assert.deepEqual(session.browser.problems(), [], "console errors, breaches of the content policy, requests to other machines");
  });

  it("the command compares the model that is open with the one picked, and lists what was lost", async () => {
    await openInPanel(page, "sample.safetensors");
    await panelState(page, "done");
    await palette(page, "Bitlens: Compare Models");
    await (await quickPick(page, { title: "Bitlens", type: "Q4_K_M", text: "tale-Q4_K_M.gguf" })).click();
    await page.locator(".tab.active").filter({ hasText: "sample.safetensors ↔ tale-Q4_K_M.gguf" }).waitFor();
    await panelState(page, "done");
    assert.match(await panel.locator(".status-text").innerText(), /^38 pairs/);
    assert.match(await panel.locator(".overview h2").innerText(), /What B lost/);
    await eventually(async () => assert.ok((await colours(chart(page, "pairs"))) > 20), 15_000);
    await screenshot(page, "compare-dark");
  });

  it("a pair is selected by keys and drawn, and stays when the panel was hidden", async () => {
    await chart(page, "pairs").focus();
    for (const key of ["Home", "ArrowDown", "ArrowDown", "Enter"]) await page.keyboard.press(key);
    await eventually(async () => assert.match(await selectedLayer(page).first().innerText(), /\w/), 10_000);
    await eventually(async () => assert.ok((await colours(chart(page, "overlay"))) > 5), 15_000);
    const name = await selectedLayer(page).first().innerText();
    await screenshot(page, "compare-pair-dark");
    await page.locator(".tab").filter({ hasText: /^sample\.safetensors$/ }).first().click();
    await panel.locator("#view-map").waitFor();
    await page.locator(".tab").filter({ hasText: "↔" }).click();
    await panelState(page, "done");
    await eventually(async () => assert.equal(await selectedLayer(page).first().innerText(), name), 10_000);
    await eventually(async () => assert.ok((await colours(chart(page, "overlay"))) > 5), 15_000);
  });

  it("it redraws in light and high contrast", async () => {
    for (const [theme, kind, name] of [
      ["Light Modern", "vscode-light", "light"],
      ["Dark High Contrast", "vscode-high-contrast", "high-contrast"],
      ["Dark Modern", "vscode-dark", "dark"],
    ]) {
      await chooseTheme(page, theme, kind);
      await page.waitForTimeout(400);
      await screenshot(page, `compare-${name}`);
    }
  });

  it("Open as Text shows the same as a document", async () => {
    await panel.getByRole("button", { name: "Open as Text" }).click();
    await page.locator(".view-line").filter({ hasText: "SQNR over all" }).first().waitFor({ timeout: 20_000 });
    await page.locator(".tab").filter({ hasText: "↔" }).first().click();
    await panelState(page, "done");
  });

  it("reloading the window compares again and brings the pair back", async () => {
    const name = await selectedLayer(page).first().innerText();
    await page.waitForTimeout(7_000); // in a browser the workbench saves its state every five seconds, and not on leaving
    await page.reload();
    await panelState(page, "done");
    await eventually(async () => assert.equal(await selectedLayer(page).first().innerText(), name), 10_000);
    await closeEditors(page);
  });
});
