import { readFileSync } from "node:fs";
import path from "node:path";
import { root } from "../shots.mjs";
import { themes } from "../themes.mjs";
import { assert, asTable, box, canvas, choose, layerName, openTab, pixels, posted, rows, scrollToEnd, settle, text, voice } from "./support.mjs";

const axe = readFileSync(path.join(root, "node_modules/axe-core/axe.min.js"), "utf8");
const list = canvas("pairs");
const total = (tab, i) => tab.locator(".overview .totals > div").nth(i).innerText();
const headline = (tab) => text(tab, ".overview h2");
const commands = async (tab) => (await posted(tab, "command")).map((m) => m.command);
const press = (tab, name) => tab.locator(".actions vscode-button").filter({ hasText: name }).first().click();

async function compare(open, name, { theme = "dark", width = 1280, height = 800, fed = true } = {}) {
  const tab = await open(theme, { width, height, page: "compare" });
  await tab.evaluate((n) => window.harness.open(n), name);
  if (fed) await tab.evaluate(() => window.harness.feed());
  await settle(tab);
  return tab;
}

/** Moves the cursor to the list's row and selects it. */
async function select(tab, row) {
  await tab.locator(list).focus();
  await tab.keyboard.press("Home");
  for (let i = 0; i < row; i++) await tab.keyboard.press("ArrowDown");
  await tab.keyboard.press("Enter");
  await settle(tab);
}

export const compareTests = {
  async "compare: pairs stream in, the worst first, and the totals are those of all"({ open, out }) {
    const tab = await compare(open, "llama", { fed: false });
    assert.match(await text(tab, ".status-text"), /Reading both headers/);
    await tab.evaluate(() => window.harness.feed(10));
    await settle(tab);
    assert.match(await text(tab, ".status-text"), /^10 of 44 pairs/);
    assert.equal(await headline(tab), "So far");
    await tab.screenshot({ path: path.join(out, "compare-running.png") });
    await tab.evaluate(() => window.harness.feed());
    await settle(tab);
    assert.equal(await headline(tab), "What B lost");
    assert.match(await total(tab, 2), /1\nof 44 pairs/);
    assert.match(await total(tab, 3), /^Not compared\n2/);
    await asTable(tab, "Pairs");
    const values = (await rows(tab, "pairs")).map((r) => (r[4] === "equal" ? Infinity : parseFloat(r[4])));
    assert.equal(values.length, 44);
    assert.deepEqual(values, [...values].sort((a, b) => a - b));
    assert.match(await text(tab, ".facts >> nth=0"), /tale\/model\.safetensors/);
  },

  async "compare: Cancel stops it and keeps what came; Compare Again begins anew"({ open }) {
    const tab = await compare(open, "llama", { fed: false });
    await tab.evaluate(() => window.harness.feed(10));
    await settle(tab);
    await press(tab, "Cancel");
    await settle(tab);
    assert.match(await text(tab, ".status-text"), /Stopped after 10 of 44 pairs\. What was compared stays\./);
    assert.match(await total(tab, 2), /of 10 pairs/);
    await press(tab, "Compare Again");
    await settle(tab);
    assert.equal(await headline(tab), "Nothing is compared yet");
    await tab.evaluate(() => window.harness.feed());
    await settle(tab);
    assert.match(await total(tab, 2), /of 44 pairs/);
    assert.deepEqual(await commands(tab), ["cancel", "compare"]);
  },

  async "compare: a file that is no longer what is shown is named until it is compared again"({ open, out }) {
    const tab = await compare(open, "llama");
    const files = (found) => tab.evaluate((f) => window.harness.files({ changed: [], gone: [], back: [], ...f }), found);
    assert.equal(await tab.locator(".notice").isVisible(), false);
    await files({ gone: ["/models/tale-Q4_K_M.gguf"] });
    await settle(tab);
    assert.match(await text(tab, ".notice"), /^tale-Q4_K_M\.gguf is no longer on disk: what is shown is of its earlier content\.$/);
    assert.equal(await tab.locator(".notice vscode-button").isVisible(), false, "there is nothing to compare again");
    await files({ changed: ["/models/tale-Q4_K_M.gguf"] });
    await settle(tab);
    assert.match(await text(tab, ".notice"), /^tale-Q4_K_M\.gguf has changed on disk/);
    await tab.screenshot({ path: path.join(out, "compare-outdated.png") });
    await tab.locator(".notice vscode-button").click();
    await settle(tab);
    assert.equal(await tab.locator(".notice").isVisible(), false);
    assert.deepEqual(await commands(tab), ["compare"]);
  },

  async "compare: a model against itself is called so"({ open }) {
    const tab = await open("dark", { width: 1280, height: 800, page: "compare" });
    await tab.evaluate(() => window.harness.open("identical", "/models/tale/model.safetensors"));
    await settle(tab);
    assert.equal(await text(tab, ".head h1"), "tale against itself");
  },

  async "compare: Enter shows both distributions, their worst channels and what was undone"({ open }) {
    const tab = await compare(open, "llama");
    await choose(tab, "Sort by", "Name");
    // Embedding, then the first layer by name: down, gate, up, k, o, q.
    await select(tab, 6);
    assert.equal(await layerName(tab), "model.layers.0.self_attn.q_proj.weight");
    assert.equal(await text(tab, ".counterpart"), "↔ blk.0.attn_q.weight");
    assert.match(await text(tab, ".layer .facts"), /RoPE order undone/);
    assert.deepEqual(await posted(tab, "detail"), [{ type: "detail", pair: "model.layers.0.self_attn.q_proj.weight\nblk.0.attn_q.weight" }]);
    const sigma = await pixels(tab, canvas("overlay"));
    await tab.locator(canvas("overlay")).focus();
    await tab.keyboard.press("ArrowRight");
    assert.match(await voice(tab), /σ.*, A .*, B .*, values /);
    await choose(tab, "Unit of the value axis", "values");
    assert.notEqual(await pixels(tab, canvas("overlay")), sigma);
    await asTable(tab, "Distributions");
    const counts = (await rows(tab, "overlay")).map((r) => [Number(r[2].replace(",", "")), Number(r[3].replace(",", ""))]);
    for (const side of [0, 1]) assert.ok(Math.abs(counts.reduce((n, r) => n + r[side], 0) - 4096) < 60, "every element is somewhere");
    assert.ok(counts.filter((r) => r[1] > 0).length < counts.filter((r) => r[0] > 0).length, "B stands on a grid");
    assert.equal(await tab.locator('[aria-label="Worst output channels"] tbody tr').count(), 16);
  },

  async "compare: heads of columns sort, a click selects, arrows with Alt walk the list"({ open }) {
    const tab = await compare(open, "llama");
    const { x, y, width } = await box(tab, list);
    await tab.mouse.click(x + 30, y + 10);
    await settle(tab);
    await tab.mouse.click(x + 30, y + 24 + 11);
    await settle(tab);
    assert.equal(await layerName(tab), "model.embed_tokens.weight");
    await tab.keyboard.press("Alt+ArrowDown");
    await settle(tab);
    assert.equal(await layerName(tab), "model.layers.0.mlp.down_proj.weight");
    await tab.mouse.click(x + 30, y + 10);
    await settle(tab);
    await tab.mouse.click(x + width / 3, y + 24 + 11);
    await settle(tab);
    assert.equal(await layerName(tab), "model.norm.weight");
    await tab.locator('vscode-button[aria-label="Close this pair"]').click();
    await settle(tab);
    assert.equal(await headline(tab), "What B lost");
  },

  async "compare: the filter looks at both names, and says when nothing has it"({ open }) {
    const tab = await compare(open, "llama");
    const field = tab.locator('#view-pairs vscode-text-field input');
    await field.fill("ATTN_Q");
    await settle(tab);
    await asTable(tab, "Pairs");
    assert.equal((await rows(tab, "pairs")).length, 6);
    await field.fill("nowhere");
    await settle(tab);
    assert.match(await text(tab, "#view-pairs .message"), /No pair has "nowhere" in a name/);
  },

  async "compare: what has no counterpart is listed with its reason"({ open, out }) {
    const tab = await compare(open, "llama");
    await openTab(tab, "unmatched");
    const cells = await tab.locator(".unmatched tbody tr").evaluateAll((all) => all.map((r) => [...r.cells].map((c) => c.textContent)));
    assert.deepEqual(cells.map((r) => [r[1], r[2]]), [["–", "in A only"], ["output.weight [520 × 256] Q6_K", "other shape: 512×256 against 520×256"]]);
    await tab.screenshot({ path: path.join(out, "compare-unmatched.png") });
  },

  async "compare: identical models are said to be so"({ open, out }) {
    const tab = await compare(open, "identical");
    assert.equal(await headline(tab), "The same weights: all 44 pairs are equal");
    assert.match(await total(tab, 0), /∞/);
    await openTab(tab, "unmatched");
    assert.match(await text(tab, "#view-unmatched .message"), /Every tensor of each model has a counterpart/);
    await openTab(tab, "pairs");
    await tab.screenshot({ path: path.join(out, "compare-identical.png") });
    await select(tab, 0);
    assert.equal(await tab.locator('[aria-label="Worst output channels"]').count(), 0);
  },

  async "compare: failures and values that are not finite stand out"({ open, out }) {
    const tab = await compare(open, "broken");
    assert.match(await text(tab, ".status-text"), /1 pair could not be compared; the list ends with them/);
    await asTable(tab, "Pairs");
    const all = await rows(tab, "pairs");
    assert.equal(all[0][4], "−∞ dB");
    assert.equal(all.at(-1).at(-1), "The file ends before the tensor does.");
    await asTable(tab, "Pairs");
    await tab.locator(list).focus();
    await tab.keyboard.press("End");
    await tab.keyboard.press("Enter");
    await settle(tab);
    assert.equal(await text(tab, ".layer .message"), "The file ends before the tensor does.");
    await select(tab, 0);
    assert.match(await text(tab, ".layer .facts"), /12 not finite/);
    await tab.screenshot({ path: path.join(out, "compare-broken.png") });
  },

  async "compare: models with nothing in common: one sentence, and a way on"({ open, out }) {
    const tab = await compare(open, "unlike");
    assert.match(await text(tab, ".status-text"), /have nothing to compare/);
    assert.equal(await tab.locator("main").isVisible(), false);
    await press(tab, "Choose Another…");
    assert.deepEqual(await commands(tab), ["choose"]);
    await tab.screenshot({ path: path.join(out, "compare-unlike.png") });
  },

  async "compare: the engine's end keeps what came"({ open }) {
    const tab = await compare(open, "llama");
    await tab.evaluate(() => window.harness.status({ kind: "engine-restarted", message: "The engine stopped." }));
    await settle(tab);
    assert.match(await text(tab, ".status-text"), /The engine stopped\. 44 pairs kept\./);
    assert.equal((await tab.locator(".actions").innerText()).split("\n")[0], "Compare Again");
  },

  async "compare: replaying changes nothing, and a reload brings back order, unit and pair"({ open }) {
    const tab = await compare(open, "llama");
    await choose(tab, "Sort by", "Largest");
    await select(tab, 2);
    await choose(tab, "Unit of the value axis", "values");
    const see = async () => [await layerName(tab), await text(tab, ".pane"), await pixels(tab, list), await pixels(tab, canvas("overlay"))];
    await tab.mouse.move(0, 0);
    await tab.locator(".layer-name").focus();
    await settle(tab);
    const before = await see();
    await tab.evaluate(() => window.harness.replay());
    await settle(tab);
    assert.deepEqual(await see(), before);
    await tab.reload();
    await tab.evaluate(() => window.harness.open("llama"));
    await tab.evaluate(() => window.harness.feed());
    await settle(tab);
    await settle(tab);
    await tab.locator(".layer-name").focus();
    await settle(tab);
    assert.deepEqual(await see(), before);
  },

  async "compare: both charts are saved as CSV and PNG under the names of what they show"({ open }) {
    const tab = await compare(open, "llama");
    await select(tab, 0);
    for (const chart of ["Pairs", "Distributions"]) {
      for (const kind of ["CSV", "PNG"]) await tab.locator(`vscode-button[aria-label="${chart}: save as ${kind}"]`).click();
    }
    await settle(tab);
    const name = (await layerName(tab)).replace(/[^\w.-]/g, "_");
    const saved = (await posted(tab, "save")).map((m) => m.name).sort();
    assert.deepEqual(saved, [`${name}-overlay.csv`, `${name}-overlay.png`, "tale-tale-Q4_K_M-pairs.csv", "tale-tale-Q4_K_M-pairs.png"]);
  },

  async "compare: when the list scrolls under a resting pointer, the card says the pair that is there now"({ open }) {
    const tab = await compare(open, "three-thousand");
    const { x, y } = await box(tab, list);
    await tab.mouse.move(x + 100, y + 100);
    await settle(tab);
    const before = await tab.locator(".card").textContent();
    await tab.evaluate(() => (document.querySelector(".scroller").scrollTop = 5_000));
    await tab.waitForFunction((was) => document.querySelector(".card").textContent !== was, before, { timeout: 3_000 });
    assert.equal(await tab.locator(".card").isVisible(), true);
  },

  async "compare: 3,000 pairs scroll without a slow frame"({ open, say }) {
    const tab = await compare(open, "three-thousand", { width: 1600, height: 1000 });
    assert.match(await text(tab, ".status-text"), /3,060 pairs/);
    await tab.evaluate(() => window.frames());
    const { x, y } = await box(tab, list);
    await tab.mouse.move(x + 100, y + 100);
    for (let i = 0; i < 40; i++) await tab.mouse.wheel(0, 900);
    // A wheel's scrolling is not waited for by whoever turns it.
    await tab.waitForFunction(() => document.querySelector(".scroller").scrollTop > 10_000);
    await settle(tab);
    const frames = (await tab.evaluate(() => window.frames())).filter((t) => t > 0.05).sort((a, b) => a - b);
    say(`scrolling: ${frames.length} frames, median ${frames[frames.length >> 1].toFixed(1)} ms, most ${frames.at(-1).toFixed(1)} ms`);
    const bottom = await scrollToEnd(tab, "pairs");
    await tab.mouse.click(bottom.x, bottom.y);
    await settle(tab);
    assert.equal(await layerName(tab), "model.norm.weight", "equal pairs end the list");
    const scrolled = await tab.locator(".scroller").evaluate((e) => e.scrollTop);
    await tab.reload();
    await tab.evaluate(() => window.harness.open("three-thousand"));
    for (const n of [1500, Infinity]) {
      await tab.evaluate((count) => window.harness.feed(count), n);
      await settle(tab);
    }
    assert.equal(await tab.locator(".scroller").evaluate((e) => e.scrollTop), scrolled, "after a reload the pair looked at is in view again");
  },

  ...Object.fromEntries(
    themes.map(({ id }) => [
      `compare, ${id}: nothing overflows at 500, 1,280 and 2,500 px, and axe finds nothing wrong`,
      async ({ open, out }) => {
        const tab = await compare(open, "llama", { theme: id });
        await tab.evaluate(axe);
        for (const width of [500, 1280, 2500]) {
          await tab.setViewportSize({ width, height: 900 });
          for (const shown of ["totals", "pair", "unmatched"]) {
            if (shown === "unmatched") await openTab(tab, "unmatched");
            else await openTab(tab, "pairs");
            if (shown === "pair") await select(tab, 1);
            await settle(tab);
            await tab.screenshot({ path: path.join(out, `compare-${id}-${width}-${shown}.png`), fullPage: width < 861 });
            const [scrollWidth, over] = await tab.evaluate(() => [
              document.documentElement.scrollWidth,
              [...document.querySelectorAll(".pane *, .head *")]
                .filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && e.checkVisibility() && !e.closest(".scroll-x, .twin, .hidden-text"))
                .map((e) => e.className || e.tagName),
            ]);
            assert.ok(scrollWidth <= width, `${shown}: the page is ${scrollWidth} px wide`);
            assert.deepEqual(over, []);
            if (width !== 1280) continue;
            const found = await tab.evaluate(() =>
              window.axe
                .run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })
                .then((r) => r.violations.map((v) => `${v.impact} ${v.id}: ${v.nodes.slice(0, 3).map((n) => n.target.join(" ")).join(" | ")}`)),
            );
            assert.deepEqual(found, [], shown);
          }
          await tab.locator('vscode-button[aria-label="Close this pair"]').click();
        }
      },
    ]),
  ),
};
