import assert from "node:assert/strict";
import { chooseTheme, closeEditors, eventually, openInPanel, palette, quickPick } from "../harness/workbench.mjs";
import { chart, colours, measureBudget, panelState, selectedLayer, tab } from "./panel.mjs";
import { screenshot, startSession } from "./session.mjs";

describe("the panel in the workbench", () => {
  let session, page, panel;
  before(async function () {
    this.timeout(180_000);
    session = await startSession({ size: { width: 1440, height: 900 } });
    ({ page, panel } = session);
  });
  after(() => session?.end());
  afterEach(async function () {
    if (this.currentTest.state === "failed")
      await screenshot(page, `failed-${this.currentTest.title.replace(/\W+/g, "-").slice(0, 60)}`);
    assert.deepEqual(
      session.browser.problems(),
      [],
      "console errors, breaches of the content policy, requests to other machines",
    );
  });

  it("the sample opens from the explorer, says what it is, and is measured to the last tensor", async () => {
    await openInPanel(page, "sample.safetensors");
    await panelState(page, "running", "done");
    const facts = await panel.locator("header.head .facts").innerText();
    assert.match(facts, /safetensors/);
    assert.match(facts, /38 tensors/);
    await panelState(page, "done");
    assert.match(await panel.locator(".status-text").innerText(), /38 tensors/);
  });

  it("the map fills with colour", async () => {
    await eventually(async () => assert.ok((await colours(chart(page, "map"))) > 30), 15_000);
    await screenshot(page, "map-dark");
  });

  it("arrow keys and Enter on the map select a layer, and the layer pane draws it", async () => {
    const map = chart(page, "map");
    await map.focus();
    for (const key of ["ArrowDown", "ArrowRight", "ArrowDown", "Enter"]) await page.keyboard.press(key);
    await selectedLayer(page).filter({ hasText: /\S/ }).first().waitFor();
    const first = await selectedLayer(page).first().innerText();
    await map.focus();
    for (const key of ["ArrowDown", "Enter"]) await page.keyboard.press(key);
    await eventually(async () => assert.notEqual(await selectedLayer(page).first().innerText(), first), 10_000);
    await eventually(async () => assert.ok((await colours(chart(page, "histogram"))) > 5), 15_000);
    await screenshot(page, "layer-dark");
  });

  it("the budget is measured once, and planned", async () => {
    await tab(page, "budget").click();
    await measureBudget(page);
    await eventually(async () => assert.ok((await colours(chart(page, "pareto"))) > 5), 15_000);
    await screenshot(page, "budget-dark");
    await tab(page, "map").click();
  });

  it("the tabs show the spectrum and the bits", async () => {
    await tab(page, "spectrum").click();
    await eventually(async () => assert.ok((await colours(chart(page, "spectrum"))) > 30), 15_000);
    await screenshot(page, "spectrum-dark");
    await tab(page, "bits").click();
    await panel.locator("#view-bits").waitFor({ state: "visible" });
    await eventually(async () => assert.ok((await colours(panel.locator("#view-bits canvas").first())) > 3), 15_000);
    await screenshot(page, "bits-dark");
    await tab(page, "map").click();
  });

  it("the tabs work from the keyboard", async () => {
    await tab(page, "map").focus();
    await page.keyboard.press("ArrowRight");
    await panel.locator('#tab-spectrum[aria-selected="true"]').waitFor();
    await page.keyboard.press("ArrowLeft");
    await panel.locator('#tab-map[aria-selected="true"]').waitFor();
  });

  it("Show Layer from the palette brings that layer up", async () => {
    await palette(page, "Bitlens: Show Layer");
    await (
      await quickPick(page, { title: "Layers of", type: "layers.2.mlp.down", text: "model.layers.2.mlp.down_proj.weight" })
    ).click();
    await selectedLayer(page).filter({ hasText: "layers.2.mlp.down_proj" }).first().waitFor();
  });

  it("Inspect Layer Outliers lists layers by ratio, highest first, and opens the one picked", async () => {
    await palette(page, "Bitlens: Inspect Layer Outliers");
    const { all, row } = await quickPick(page, { title: "by outlier ratio", text: "×" });
    const ratios = all.map((text) => Number(/([\d.]+)×/.exec(text)?.[1])).filter((n) => !Number.isNaN(n));
    assert.ok(ratios.length > 5, all.join(" | "));
    assert.deepEqual(
      ratios,
      [...ratios].sort((a, b) => b - a),
    );
    await screenshot(page, "outliers-dark");
    const name = all[0].split(",")[0];
    await row.click();
    await selectedLayer(page).filter({ hasText: name }).first().waitFor();
  });

  it("the side bar's tree follows the panel, and the panel follows the tree", async () => {
    await palette(page, "Bitlens: Focus on Layers View");
    const row = (text) => page.locator(".pane-body .monaco-list-row").filter({ hasText: text }).first();
    await palette(page, "Bitlens: Show Layer");
    await (
      await quickPick(page, { title: "Layers of", type: "layers.1.mlp.up", text: "model.layers.1.mlp.up_proj.weight" })
    ).click();
    await page
      .locator(".pane-body .monaco-list-row.selected")
      .filter({ hasText: "mlp.up_proj.weight" })
      .waitFor({ timeout: 20_000 });
    await row("self_attn.q_proj.weight").click();
    await selectedLayer(page).filter({ hasText: "model.layers.1.self_attn.q_proj" }).first().waitFor();
    await screenshot(page, "tree-dark");
  });

  it("light, high contrast and high contrast light redraw at once", async () => {
    for (const [theme, kind, name] of [
      ["Light Modern", "vscode-light", "light"],
      ["Dark High Contrast", "vscode-high-contrast", "high-contrast"],
      ["Light High Contrast", "vscode-high-contrast-light", "high-contrast-light"],
      ["Dark Modern", "vscode-dark", "dark"],
    ]) {
      await chooseTheme(page, theme, kind);
      await page.waitForTimeout(400);
      await screenshot(page, `theme-${name}`);
    }
  });

  it("hiding the panel and coming back keeps tab, selection and results", async () => {
    await palette(page, "View: Show Explorer");
    await tab(page, "spectrum").click();
    const before = await selectedLayer(page).first().innerText();
    await page.locator(".explorer-folders-view .monaco-list-row").filter({ hasText: "tale" }).first().click();
    await page.locator(".explorer-folders-view .monaco-list-row").filter({ hasText: "config.json" }).first().dblclick();
    await page.locator(".editor-instance .monaco-editor").first().waitFor();
    await page.locator(".tab").filter({ hasText: "sample.safetensors" }).click();
    await panelState(page, "done");
    await panel.locator('#tab-spectrum[aria-selected="true"]').waitFor();
    assert.equal(await selectedLayer(page).first().innerText(), before);
    await eventually(async () => assert.ok((await colours(chart(page, "spectrum"))) > 30), 15_000);
  });

  it("reloading the window brings the panel back with its tab and selection", async () => {
    const before = await selectedLayer(page).first().innerText();
    await page.waitForTimeout(7_000); // in a browser the workbench saves its state every five seconds, and not on leaving
    await page.reload();
    await panelState(page, "done");
    await panel.locator('#tab-spectrum[aria-selected="true"]').waitFor();
    await eventually(async () => assert.equal(await selectedLayer(page).first().innerText(), before), 10_000);
    await tab(page, "map").click();
  });

  it("the status bar names the device, and a click opens the log", async () => {
    const item = page
      .locator(".statusbar-item")
      .filter({ hasText: /CPU · \d+ thread/ })
      .first();
    await item.waitFor({ timeout: 20_000 });
    await item.click();
    await page
      .locator(".part.panel")
      .filter({ hasText: /Engine ready|tensors measured|Bitlens/ })
      .first()
      .waitFor();
    await palette(page, "View: Hide Panel");
  });

  it("a narrow editor puts the layer pane below", async () => {
    await page.setViewportSize({ width: 820, height: 900 });
    await page.waitForTimeout(600);
    await screenshot(page, "narrow-dark");
    const views = await panel.locator(".views").boundingBox();
    const pane = await panel.locator("aside.pane").boundingBox();
    assert.ok(pane.y >= views.y + views.height - 2, `pane at ${JSON.stringify(pane)}, views at ${JSON.stringify(views)}`);
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  it("a file cut off inside its header shows what is wrong instead of a map", async () => {
    await closeEditors(page);
    await openInPanel(page, "broken.safetensors");
    await panelState(page, "failed");
    const text = await panel.locator("header.head").innerText();
    assert.match(text, /ends|truncated|short|incomplete|beyond|past/i);
    await screenshot(page, "broken-dark");
    await closeEditors(page);
  });
});
