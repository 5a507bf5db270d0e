import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { eventually } from "../harness/workbench.mjs";
import { modelFolder, screenshot, startSession } from "./session.mjs";

const recipe = `{
  "bitlens": 1,
  "target": "gguf",
  "model": { "name": "model.safetensors" },
  "rules": [
    { "match": "*", "encoding": "q8_0" },
    { "match": "blk.{0,1}.attn_q.weight", "encoding": "q4_K" }
  ]
}
`;

describe("a recipe in the workbench", () => {
  let session, page;
  before(async function () {
    this.timeout(180_000);
    session = await startSession({
      folder: modelFolder((folder) => writeFileSync(path.join(folder, "tale", "phone.bitlens.json"), recipe)),
      log: "recipes-server.log",
    });
    ({ page } = session);
  });
  after(() => session?.end());
  afterEach(async function () {
    if (this.currentTest.state === "failed") await screenshot(page, `failed-${this.currentTest.title.replace(/\W+/g, "-").slice(0, 60)}`);
    assert.deepEqual(session.browser.problems(), []);
  });

  const row = (text) => page.locator(".explorer-folders-view .monaco-list-row").filter({ hasText: text }).first();
  const text = (part) => page.locator(".view-line span").filter({ hasText: part }).last();

  it("opened first of all, with no model in a panel, it is checked against the model beside it", async () => {
    await eventually(async () => {
      if (!(await row("phone.bitlens.json").isVisible())) await row("tale").click({ timeout: 5_000 });
      await row("phone.bitlens.json").dblclick({ timeout: 5_000 });
      await text("blk.").waitFor({ timeout: 5_000 });
    });
    await page.locator(".view-overlays .squiggly-error").first().waitFor({ timeout: 40_000 });
    await eventually(async () => {
      await page.mouse.move(10, 10);
      await text("blk.").hover({ timeout: 5_000 });
      await page.locator(".monaco-hover").filter({ hasText: "matches no tensor" }).first().waitFor({ timeout: 5_000 });
    });
    await screenshot(page, "recipe-hover");
  });

  it("the quick fix puts the model's own names in its place", async () => {
    await page.keyboard.press("Escape");
    await text("blk.").click();
    await page.keyboard.press("Control+.");
    const menu = page.locator(".action-widget");
    await menu.filter({ hasText: "Match model.layers.{0,1}.self_attn.q_proj.weight" }).waitFor({ timeout: 20_000 });
    await screenshot(page, "recipe-fixes");
    await page.keyboard.press("Enter");
    await text("model.layers.{0,1}.self_attn.q_proj.weight").waitFor({ timeout: 10_000 });
    await page.locator(".view-overlays .squiggly-error").first().waitFor({ state: "detached", timeout: 20_000 });
  });
});
