// npm run pictures: photographs the real panel for the README, into media/pictures.
import { execFileSync } from "node:child_process";
import { cpSync } from "node:fs";
import path from "node:path";
import { ensureFolder, root, sample, temporaryFolder } from "./paths.mjs";
import { ensureDependencies } from "./tools.mjs";

await ensureDependencies();
const { buildAll } = await import("./package.mjs");
await buildAll();
const { startSession } = await import("../workbench/session.mjs");
const { chooseTheme, openInPanel, palette, quickPick, webview } = await import("./workbench.mjs");
const { chart, measureBudget, panelState, selectedLayer, tab } = await import("../workbench/panel.mjs");

const folder = ensureFolder(path.join(root, "media/pictures"));
// A copy of the sample with all that belongs to it, in a folder of its own name: the budget's table goes beside the model.
const model = path.join(temporaryFolder("pictures"), "tale-llama-4m");
cpSync(path.dirname(sample), model, { recursive: true });
const args = ["export", path.join(model, "model.safetensors"), "--encoding", "Q4_K_M", "-o", path.join(model, "tale-Q4_K_M.gguf")];
execFileSync(process.execPath, [path.join(root, "dist/cli.js"), ...args], { stdio: "ignore" });
const session = await startSession({ folder: model, size: { width: 1440, height: 900 } });
const { page } = session;
const take = async (name) => {
  await page.mouse.move(720, 8);
  await page.waitForTimeout(700);
  await page.screenshot({ path: path.join(folder, `${name}.png`) });
  console.log(`media/pictures/${name}.png`);
};
try {
  await openInPanel(page, "model.safetensors");
  await panelState(page, "done");
  await palette(page, "View: Toggle Primary Side Bar Visibility");
  await palette(page, "Bitlens: Show Layer");
  await (
    await quickPick(page, { title: "Layers of", type: "layers.2.mlp.down", text: "model.layers.2.mlp.down_proj.weight" })
  ).click();
  await selectedLayer(page).filter({ hasText: "down_proj" }).first().waitFor();
  await take("map");
  await tab(page, "spectrum").click();
  await take("spectrum");
  await tab(page, "bits").click();
  await take("bits");
  await tab(page, "budget").click();
  await webview(page).locator('vscode-dropdown[aria-label="Export to"]:visible').click();
  await webview(page).locator("vscode-option:visible").filter({ hasText: "GGUF" }).first().click();
  await measureBudget(page);
  await take("budget");
  await tab(page, "map").click();
  await chooseTheme(page, "Light Modern", "vscode-light");
  await take("map-light");
  await chooseTheme(page, "Dark Modern", "vscode-dark");
  await palette(page, "Bitlens: Compare Models");
  await (await quickPick(page, { title: "Bitlens", type: "Q4_K_M", text: "tale-Q4_K_M.gguf" })).click();
  await panelState(page, "done");
  await chart(page, "pairs").focus();
  for (const key of ["Home", "ArrowDown", "ArrowDown", "Enter", "Escape"]) await page.keyboard.press(key);
  await chart(page, "overlay").waitFor();
  await take("compare");
} finally {
  await session.end();
}
process.exit(0);
