import path from "node:path";
import { asTable, assert, box, canvas, choose, last, model, openTab, pixels, posted, rows, settle, text, voice } from "./support.mjs";

const down = "model.layers.3.mlp.down_proj.weight";
const actions = async (tab) => (await posted(tab, "budget")).map((m) => m.action);
const total = (tab, i) => tab.locator("#view-budget .totals > div").nth(i).innerText();
const slider = (tab) => tab.locator("#view-budget .slider");
const open = async (tab) => {
  await openTab(tab, "budget");
  await settle(tab);
};

export const budget = {
  async "budget: unmeasured says what measuring is for; the button measures, Cancel ends it"({ open: page, out }) {
    const tab = await model(page, "llama", { budget: { slow: true } });
    await open(tab);
    assert.match(await text(tab, "#view-budget .empty"), /Spend the bits where they matter/);
    assert.equal(await slider(tab).isVisible(), false);
    await tab.screenshot({ path: path.join(out, "budget-unmeasured.png") });
    await tab.locator("#view-budget .empty vscode-button").click();
    await settle(tab);
    assert.match(await text(tab, "#view-budget .empty"), /9 of 30 tensors/);
    await tab.screenshot({ path: path.join(out, "budget-measuring.png") });
    await tab.locator("#view-budget .empty vscode-button").click();
    await settle(tab);
    assert.match(await text(tab, "#view-budget .empty"), /Measure/);
    assert.deepEqual((await actions(tab)).map((a) => a.kind), ["open", "measure", "cancel"]);
  },

  async "budget: a failed measurement says why"({ open: page }) {
    const tab = await model(page, "llama", { budget: { fails: "The disk is gone." } });
    await open(tab);
    await tab.locator("#view-budget .empty vscode-button").click();
    await settle(tab);
    assert.match(await text(tab, "#view-budget .empty"), /The disk is gone\.[\s\S]*Measure Again/);
  },

  async "budget: the slider moves the plan, and undo brings the old one back"({ open: page }) {
    const tab = await model(page, "llama", { budget: { remembered: true } });
    await open(tab);
    const before = await total(tab, 0);
    const picture = await pixels(tab, canvas("assignment"));
    await slider(tab).focus();
    for (let i = 0; i < 3; i++) await tab.keyboard.press("PageUp");
    await settle(tab);
    assert.notEqual(await total(tab, 0), before);
    assert.notEqual(await pixels(tab, canvas("assignment")), picture);
    for (let i = 0; i < 3; i++) {
      await tab.locator('#view-budget vscode-button[aria-label="Undo"]').click();
      await settle(tab);
    }
    assert.equal(await total(tab, 0), before);
    await tab.locator('#view-budget vscode-button[aria-label="Redo"]').click();
    await settle(tab);
    assert.notEqual(await total(tab, 0), before);
  },

  async "budget: a typed size counts in either unit, and nonsense changes nothing"({ open: page }) {
    const tab = await model(page, "llama", { budget: { remembered: true } });
    await open(tab);
    await choose(tab, "Unit", "bpw");
    const field = tab.locator("#view-budget .size .entry").locator("input");
    await field.fill("6");
    await field.press("Enter");
    await settle(tab);
    assert.match(await total(tab, 0), /[56]\.\d+ bpw/);
    const { fileBytes } = (await last(tab, "budget")).action;
    assert.equal(fileBytes, Math.round((6 * 541_536) / 8));
    await field.fill("5.5 bits");
    await field.press("Enter");
    await settle(tab);
    assert.equal(await field.inputValue(), "5.5", "as every size in this unit is written");
    await field.fill("6");
    await field.press("Enter");
    await settle(tab);
    assert.equal(await tab.locator("#view-budget .refused").isVisible(), false);
    await field.fill("much");
    await field.press("Enter");
    await settle(tab);
    assert.equal((await last(tab, "budget")).action.fileBytes, fileBytes);
    assert.match(await voice(tab), /not a size/);
    assert.match(await text(tab, "#view-budget .refused"), /^“much” is not a size: write a number and a unit, such as 2\.1 MB/);
    await slider(tab).focus();
    await tab.keyboard.press("PageUp");
    await settle(tab);
    assert.equal(await tab.locator("#view-budget .refused").isVisible(), false);
  },

  async "budget: Enter locks a tensor as it is, the list to anything, and the budget keeps to it"({ open: page }) {
    const tab = await model(page, "llama", { budget: { remembered: true } });
    await open(tab);
    await tab.locator(canvas("assignment")).focus();
    await tab.keyboard.press("ArrowDown");
    await tab.keyboard.press("PageDown");
    await tab.keyboard.press("ArrowUp");
    await tab.keyboard.press("End");
    assert.match(await voice(tab), new RegExp(`^${down}`));
    await tab.keyboard.press("Enter");
    await settle(tab);
    assert.equal((await last(tab, "budget")).action.tensor, down);
    assert.match(await total(tab, 2), /1 tensor/);
    await choose(tab, "Encoding of the tensor", "Q8_0");
    await settle(tab);
    const recipe = await tab.evaluate(() => window.harness.recipe());
    assert.ok(recipe.rules.some((r) => r.match === down && r.encoding === "q8_0"), JSON.stringify(recipe.rules));
    await asTable(tab, "Encoding per tensor");
    const row = (await rows(tab, "assignment")).find((r) => r[0] === down);
    assert.deepEqual([row[1], row[5]], ["Q8_0", "locked"]);
    await tab.locator('#view-budget vscode-button[aria-label="Remove all locks and limits"]').click();
    await settle(tab);
    assert.match(await total(tab, 2), /0 tensors/);
  },

  async "budget: a click that locks moves nothing, so that the next one unlocks; the card says what it would do now"({ open: page }) {
    const tab = await model(page, "llama", { height: 1200, budget: { remembered: true } });
    await open(tab);
    assert.match(await text(tab, "#view-budget .lock"), /^Click a tensor below, or press Enter on it/);
    const before = await box(tab, canvas("assignment"));
    const [x, y] = [before.x + 150, before.y + 60];
    await tab.mouse.move(x, y);
    await settle(tab);
    assert.match(await tab.locator(".card").innerText(), /Click or Enter: lock this encoding/);
    await tab.mouse.click(x, y);
    await settle(tab);
    const { tensor, encoding } = (await last(tab, "budget")).action;
    assert.notEqual(encoding, undefined);
    assert.match(await tab.locator(".card").innerText(), /, locked[\s\S]*Click or Enter: unlock/);
    assert.deepEqual(await box(tab, canvas("assignment")), before);
    await tab.mouse.click(x, y);
    await settle(tab);
    assert.deepEqual((await last(tab, "budget")).action, { kind: "lock", tensor, encoding: undefined });
    assert.match(await tab.locator(".card").innerText(), /Click or Enter: lock this encoding/);
  },

  async "budget: tensors that a runtime fuses are locked together, and named together"({ open: page }) {
    const tab = await model(page, "llama", { budget: { remembered: true } });
    await open(tab);
    await tab.locator(canvas("assignment")).focus();
    await tab.keyboard.press("ArrowDown");
    await tab.keyboard.press("ArrowDown");
    assert.match(await voice(tab), /q_proj.*shares one encoding with .*k_proj, .*v_proj/);
    await tab.keyboard.press("Enter");
    await settle(tab);
    assert.match(await total(tab, 2), /3 tensors/);
    assert.match(await text(tab, "#view-budget .lock"), /shares one encoding with .*k_proj, .*v_proj/);
    await choose(tab, "Export to", "GGUF");
    await settle(tab);
    assert.match(await total(tab, 2), /0 tensors/, "another target has its own locks");
  },

  async "budget: least and most bits of a role, by keyboard alone, until they are undone"({ open: page, out }) {
    const tab = await model(page, "llama", { budget: { remembered: true } });
    await open(tab);
    await tab.locator("#view-budget .limits summary").focus();
    await tab.keyboard.press("Enter");
    await tab.locator('vscode-text-field[aria-label="Least bits per weight of down"]').focus();
    await tab.keyboard.type("6");
    await tab.keyboard.press("Enter");
    await settle(tab);
    assert.deepEqual((await last(tab, "budget")).action, { kind: "limit", role: "down", minBits: 6 });
    await tab.keyboard.press("Tab");
    await tab.keyboard.type("9");
    await tab.keyboard.press("Tab");
    await settle(tab);
    assert.deepEqual((await last(tab, "budget")).action, { kind: "limit", role: "down", minBits: 6, maxBits: 9 });
    assert.match(await text(tab, "#view-budget .limits summary"), /1 limit/);
    await slider(tab).focus();
    await tab.keyboard.press("Home");
    await settle(tab);
    assert.match(await total(tab, 0), /the smallest possible under these locks and limits/);
    await asTable(tab, "Encoding per tensor");
    for (const r of await rows(tab, "assignment")) {
      if (!r[0].includes("down_proj")) continue;
      assert.ok(Number(r[2]) >= 6 && Number(r[2]) <= 9, r.join());
      assert.equal(r[6], "at least 6 bpw, at most 9 bpw (role down)");
    }
    await tab.screenshot({ path: path.join(out, "budget-limits.png") });
    await tab.locator(canvas("pareto")).focus();
    await tab.keyboard.press("ArrowRight");
    await tab.keyboard.press("ArrowRight");
    assert.match(await voice(tab), /with the locks and limits applied/);
    for (let i = 0; i < 3; i++) await tab.keyboard.press("Control+z");
    await settle(tab);
    assert.match(await text(tab, "#view-budget .limits summary"), /none/);
    assert.equal(await tab.locator('vscode-text-field[aria-label="Least bits per weight of down"]').evaluate((e) => e.value), "");
  },

  async "budget: a limit that nothing can keep is refused in words, and the field shows what holds"({ open: page, out }) {
    const tab = await model(page, "llama", { budget: { remembered: true } });
    await open(tab);
    await tab.locator("#view-budget .limits summary").click();
    const least = tab.locator('vscode-text-field[aria-label="Least bits per weight of down"]');
    await least.locator("input").fill("20");
    await least.locator("input").press("Enter");
    await settle(tab);
    const refused = tab.locator("#view-budget [role=alert]");
    assert.match(await refused.innerText(), /at least 20 bits per weight .* the largest possible is 16\.00; widen/);
    await tab.screenshot({ path: path.join(out, "budget-refused.png") });
    await slider(tab).focus();
    assert.equal(await least.evaluate((e) => e.value), "", "the field shows what holds");
    await tab.keyboard.press("PageUp");
    await settle(tab);
    assert.equal(await refused.isVisible(), false, "the next step that is taken ends it");
    await least.locator("input").fill("many");
    await least.locator("input").press("Enter");
    assert.match(await voice(tab), /“many” is not a number of bits/);
  },

  async "budget: one tensor's own limits, beside its lock"({ open: page }) {
    const tab = await model(page, "llama", { budget: { remembered: true } });
    await open(tab);
    await choose(tab, "Export to", "GGUF");
    await tab.locator(canvas("assignment")).focus();
    await tab.keyboard.press("ArrowDown");
    await tab.keyboard.press("PageDown");
    await tab.keyboard.press("ArrowUp");
    await tab.keyboard.press("End");
    await tab.keyboard.press("Enter");
    await tab.keyboard.press("Enter");
    await settle(tab);
    const least = tab.locator('vscode-text-field[aria-label="Least bits per weight of the tensor"] input');
    await least.fill("8");
    await least.press("Enter");
    await settle(tab);
    assert.deepEqual((await last(tab, "budget")).action, { kind: "limit", tensor: down, minBits: 8 });
    await tab.locator("#view-budget .limits summary").click();
    await settle(tab);
    assert.match(await text(tab, "#view-budget .limits table"), /model\.layers\.3\.mlp\.down_proj/);
    const recipe = await tab.evaluate(() => window.harness.recipe());
    assert.ok(recipe.rules.some((r) => r.match.includes("down_proj") || r.match === "*"), "the recipe is the outcome");
    await tab.locator('#view-budget vscode-button[aria-label="Remove all locks and limits"]').click();
    await settle(tab);
    assert.doesNotMatch(await text(tab, "#view-budget .limits table"), /layers\.3/);
  },

  async "budget: what fits in a device's memory, and what is counted"({ open: page, out }) {
    const tab = await model(page, "llama", { budget: { remembered: true } });
    await open(tab);
    await choose(tab, "Unit", "GB of memory");
    const field = tab.locator("#view-budget .size .entry").locator("input");
    await field.fill("0.0005");
    await field.press("Enter");
    await settle(tab);
    assert.equal((await last(tab, "budget")).action.fileBytes, 500_000);
    assert.match(await text(tab, "#view-budget .totals"), /Memory[\s\S]*left beside the weights/);
    assert.match(await text(tab, "#view-budget .note"), /Counted are the weight files alone/);
    await tab.screenshot({ path: path.join(out, "budget-memory.png") });
    await field.fill("8");
    await field.press("Enter");
    await settle(tab);
    assert.match(await total(tab, 0), /more bytes save nothing/);
    await field.fill("1 kB");
    await field.press("Enter");
    await settle(tab);
    assert.match(await total(tab, 0), /the smallest possible/);
    assert.match(await total(tab, 1), /does not fit/);
    await choose(tab, "Unit", "GiB of memory");
    assert.equal(await field.inputValue(), "0.000000931");
  },

  async "budget: the curve's twin names every uniform encoding, and a click on one takes its size"({ open: page }) {
    const tab = await model(page, "llama", { budget: { remembered: true } });
    await open(tab);
    await tab.locator(canvas("pareto")).focus();
    await tab.keyboard.press("ArrowRight");
    await tab.keyboard.press("ArrowRight");
    const said = await voice(tab);
    assert.match(said, /^Q4_0, size .* less error|^Q4_0, size .* same error/);
    await tab.keyboard.press("Enter");
    await settle(tab);
    assert.equal((await last(tab, "budget")).action.kind, "size");
    await asTable(tab, "Error against size");
    const names = (await rows(tab, "pareto")).map((r) => r[0]);
    for (const name of ["this plan", "Q4_0", "Q4_1", "Q5_0", "Q8_0", "best"]) assert.ok(names.includes(name), name);
    for (const r of await rows(tab, "pareto")) if (r[0] === "Q4_0") assert.ok(Number(r[4]) <= Number(r[3]), r.join());
  },

  async "budget: buttons and the host's command reach their ends; replaying changes nothing"({ open: page }) {
    const tab = await model(page, "llama", { budget: { remembered: true } });
    await tab.evaluate(() => window.harness.showTab("budget"));
    await settle(tab);
    await settle(tab);
    assert.equal(await tab.locator("#tab-budget").getAttribute("aria-selected"), "true");
    for (const [name, kind] of [["Save Recipe…", "save"], ["Export…", "export"]]) {
      await tab.locator("#view-budget .controls vscode-button").filter({ hasText: name }).click();
      assert.equal((await last(tab, "budget")).action.kind, kind);
    }
    const see = async () => [await text(tab, "#view-budget"), await pixels(tab, canvas("pareto")), await pixels(tab, canvas("assignment"))];
    const before = await see();
    await tab.evaluate(() => window.harness.replay());
    await settle(tab);
    assert.deepEqual(await see(), before);
  },

  async "budget: a model of 3,000 tensors"({ open: page, say, out }) {
    const tab = await model(page, "three-thousand", { width: 1600, height: 1000, budget: { remembered: true } });
    await open(tab);
    await settle(tab);
    const { x, y, width } = await box(tab, "#view-budget .slider");
    await tab.evaluate(() => window.frames());
    await tab.mouse.move(x + width / 2, y + 11);
    await tab.mouse.down();
    for (let i = 0; i < 30; i++) await tab.mouse.move(x + width / 2 + 4 * i, y + 11);
    await tab.mouse.up();
    await settle(tab);
    const frames = (await tab.evaluate(() => window.frames())).filter((t) => t > 0.05).sort((a, b) => a - b);
    say(`dragging the slider: ${frames.length} frames, median ${frames[frames.length >> 1].toFixed(1)} ms, most ${frames.at(-1).toFixed(1)} ms`);
    assert.ok((await actions(tab)).filter((a) => a.kind === "size" && a.final).length === 1);
    await tab.screenshot({ path: path.join(out, "budget-3000.png") });
  },
};
