import assert from "node:assert/strict";
import { settle } from "../shots.mjs";

export { assert, settle };

/** Opens a model in a fresh page; with `analysed` all its results too. */
export async function model(
  open,
  name,
  { theme = "dark", width = 1280, height = 800, analysed = true, lean = false, recorded = false, budget = {} } = {},
) {
  const tab = await open(theme, { width, height });
  await tab.evaluate(([n, options]) => window.harness.open(n, options), [recorded ? "recorded" : name, { lean, budget }]);
  if (analysed) await tab.evaluate(() => window.harness.feed());
  await settle(tab);
  return tab;
}

export const text = (tab, selector) => tab.locator(selector).first().innerText();
export const posted = (tab, type) =>
  tab.evaluate(
    (t) =>
      window.harness.posted
        .filter((m) => m.type === t)
        .map((m) => ("bytes" in m ? { ...m, bytes: [...m.bytes.slice(0, 4000)], length: m.bytes.length } : m)),
    type,
  );
export const last = async (tab, type) => (await posted(tab, type)).at(-1);
/** What the page says aloud. */
export const voice = (tab) => tab.locator("[role=status][aria-live]").innerText();
export const layerName = (tab) => text(tab, ".layer-name");
/** A canvas' pixels, as one string to compare. */
export const pixels = (tab, selector) =>
  tab
    .locator(selector)
    .first()
    .evaluate((c) => c.toDataURL());
export const box = (tab, selector) => tab.locator(selector).first().boundingBox();

/** Scrolls a list to its end, where its canvas still fills its place. Returns a point in the row at the bottom edge. */
export async function scrollToEnd(tab, name) {
  const stage = await box(tab, `${chart(name)} .stage`);
  const { x, y, width, height } = stage;
  await tab.mouse.move(x + width / 2, y + height / 2);
  await tab.mouse.wheel(0, 1e6);
  const scroller = await tab.locator(`${chart(name)} .scroller`).first().elementHandle();
  await tab.waitForFunction((e) => e.scrollTop + e.clientHeight >= e.scrollHeight - 1, scroller);
  await settle(tab);
  const { x: left, y: top, height: tall } = await box(tab, canvas(name));
  assert.deepEqual([left, top, tall], [x, y, height], "the rows scroll, not their canvas");
  return { x: x + 40, y: y + height - 5 };
}

export const chart = (name) => `[data-chart="${name}"]`;
export const canvas = (name) => `${chart(name)} canvas.plot`;
/** Rows of a chart's table twin, as text. */
export const rows = (tab, name) =>
  tab.locator(`${chart(name)} .twin tbody tr`).evaluateAll((all) => all.map((r) => [...r.cells].map((c) => c.textContent)));
export async function asTable(tab, title) {
  await tab.locator(`vscode-button[aria-label="${title}: as table"]`).click();
  await settle(tab);
}

export async function choose(tab, label, option) {
  await tab.locator(`vscode-dropdown[aria-label="${label}"]:visible`).click();
  await tab.locator("vscode-option:visible").filter({ hasText: option }).first().click();
  await settle(tab);
}

export async function openTab(tab, id) {
  await tab.locator(`#tab-${id}`).click();
  await settle(tab);
}
