// What the panel shows, read from its page.
import { webview } from "../harness/workbench.mjs";

/** Waits until the panel is in one of these states ("done", "cancelled", "failed", …). */
export async function panelState(page, ...kinds) {
  const selector = kinds.map((kind) => `header.head[data-status="${kind}"]`).join(", ");
  await webview(page).locator(selector).waitFor({ timeout: 60_000 });
}

/** Measures what the tab Budget needs, and waits for its first plan. */
export async function measureBudget(page) {
  await webview(page).getByRole("button", { name: "Measure", exact: true }).click();
  await webview(page).locator('[data-chart="pareto"] canvas').waitFor({ timeout: 60_000 });
}

export const selectedLayer = (page) => webview(page).locator(".layer-name");
export const tab = (page, id) => webview(page).locator(`#tab-${id}`);
export const chart = (page, name) => webview(page).locator(`[data-chart="${name}"] canvas`);

/** How many different colours a canvas shows: an empty one has few. */
export function colours(canvas) {
  return canvas.evaluate((element) => {
    const { width, height } = element;
    const { data } = element.getContext("2d").getImageData(0, 0, width, height);
    const seen = new Set();
    for (let i = 0; i < data.length; i += 4) seen.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
    return seen.size;
  });
}
