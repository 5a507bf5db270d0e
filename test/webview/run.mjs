// The panel's page on its own, against a stand-in host: what it shows and sends, how it is operated.
// Pictures go to out/webview.
//   node test/webview/run.mjs [part of a test's title]
import { mkdirSync } from "node:fs";
import path from "node:path";
import { root, start } from "./shots.mjs";
import { tests } from "./tests/index.mjs";

const wanted = process.argv[2] ?? "";
const out = path.join(root, "out/webview");
mkdirSync(out, { recursive: true });
const browser = await start();
let passed = 0;
let failed = 0;
for (const [title, test] of tests) {
  if (!title.includes(wanted)) continue;
  let tab;
  const began = Date.now();
  try {
    await test({ open: async (...args) => (tab = await browser.open(...args)), out, say: (line) => console.log(`    ${line}`) });
    const errors = browser.errors.splice(0);
    if (errors.length > 0) throw new Error(`The console says:\n${errors.join("\n")}`);
    passed++;
    console.log(`✓ ${title} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed++;
    browser.errors.splice(0);
    console.log(`✗ ${title}\n${String(error.stack ?? error).replace(/^/gm, "    ")}`);
    await tab?.screenshot({ path: path.join(out, "failed.png") }).catch(() => {});
  }
  await tab?.close().catch(() => {});
}
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
