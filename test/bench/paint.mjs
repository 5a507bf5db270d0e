// From the key that opens a model to the panel's first paint of what its header says, in the real workbench.
import { cpSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { sample } from "../harness/paths.mjs";
import { buildAll } from "../harness/package.mjs";
import { eventually, findCommand, palette, webview } from "../harness/workbench.mjs";
import { llama70B, sparseLlama } from "../builders/safetensors.ts";
import { modelFolder, startSession } from "../workbench/session.mjs";

const repeats = 5;

/** Runs in every frame before its own scripts: notes when the header's facts were there and a frame was shown after. */
function watchForPaint() {
  const now = () => performance.timeOrigin + performance.now();
  const seen = (window.bitlensPaint = {});
  // A timer outlives the document.open() that VS Code fills its frame with; a mutation observer does not.
  const timer = setInterval(() => {
    if (!seen.script && document.querySelector("#app > *")) seen.script = now();
    if (!document.querySelector("header.head .facts > *")) return;
    clearInterval(timer);
    // The callback before the next frame, and the first task after it.
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => (seen.painted = now());
      port2.postMessage(0);
    });
  }, 4);
  setTimeout(() => clearInterval(timer), 30_000);
}

/** A folder with the sample and a 70B model of 723 tensors in 30 shards, 138 GB that take no room on disk. */
function models() {
  return modelFolder((folder) => {
    cpSync(path.dirname(sample), path.join(folder, "sample"), { recursive: true });
    cpSync(path.dirname(sample), path.join(folder, "llama-70b"), { recursive: true, filter: (file) => !file.endsWith(".safetensors") });
    for (const [name, content] of sparseLlama(llama70B)) {
      const file = path.join(folder, "llama-70b", name);
      writeFileSync(file, typeof content === "string" ? content : content.head);
      if (typeof content !== "string") truncateSync(file, content.size);
    }
  });
}

/** Opens a file by its path in Quick Open and closes it again. Milliseconds since the Enter key. */
async function measure(session, file) {
  const { page } = session;
  // A command that just ran may still take the input's focus away: again, then.
  await eventually(async () => {
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+p");
    const input = page.locator(".quick-input-widget input.input");
    await input.fill(path.join(session.folder, file), { timeout: 3_000 });
    const row = page.locator(".quick-input-list .monaco-list-row.focused").filter({ hasText: path.basename(file) });
    await row.waitFor({ timeout: 3_000 });
  });
  const began = await page.evaluate(() => performance.timeOrigin + performance.now());
  await page.keyboard.press("Enter");
  // Right at the start the workbench may open text: then it is no measurement.
  await page.locator("iframe.webview").first().waitFor({ state: "attached", timeout: 15_000 });
  await webview(page).locator("header.head .facts > *").first().waitFor({ timeout: 60_000 });
  const found = await eventually(async () => {
    for (const frame of page.frames()) {
      const paint = await frame.evaluate(() => ({ frame: performance.timeOrigin, ...window.bitlensPaint })).catch(() => ({}));
      if (paint.painted) return paint;
    }
    throw new Error("No frame tells of its paint.");
  });
  await palette(page, "View: Close All Editors");
  await page.locator("iframe.webview").first().waitFor({ state: "detached" });
  return { frame: found.frame - began, script: found.script - began, painted: found.painted - began };
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

export async function benchPaint() {
  await buildAll();
  const session = await startSession({ folder: models(), size: { width: 1440, height: 900 }, prepare: (context) => context.addInitScript(watchForPaint) });
  try {
    // The workbench's own start is no part of this: wait until it knows the extension.
    await findCommand(session.page, "Bitlens: Show Log");
    await session.page.keyboard.press("Escape");
    console.log("\nms from the Enter key that opens a model to the first paint of its header");
    console.log(`  ${"model".padEnd(28)}  ${["VS Code's frame", "our script", "painted"].map((s) => s.padStart(15)).join("  ")}`);
    const say = (name, { frame, script, painted }) =>
      console.log(`  ${name.padEnd(28)}  ${[frame, script, painted].map((t) => t.toFixed(0).padStart(15)).join("  ")}`);
    for (const [name, file] of [["sample", "sample/model.safetensors"], ["138 GB in 30 shards", "llama-70b/model.safetensors.index.json"]]) {
      const runs = [];
      for (let i = 0; i <= repeats; i++) runs.push(await eventually(() => measure(session, file)));
      say(`${name}, first`, runs[0]);
      const later = runs.slice(1);
      say(`${name}, median of ${repeats}`, Object.fromEntries(["frame", "script", "painted"].map((key) => [key, median(later.map((r) => r[key]))])));
    }
  } finally {
    await session.end();
  }
}
