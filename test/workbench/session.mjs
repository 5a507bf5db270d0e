// A workbench with the packed extension installed, as a person has it, and a folder of models.
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { launchBrowser } from "../harness/browser.mjs";
import { packageFor, thisTarget } from "../harness/package.mjs";
import { ensureFolder, out, sample, temporaryFolder } from "../harness/paths.mjs";
import { installExtension, startServer } from "../harness/server.mjs";
import { openWorkbench, webview } from "../harness/workbench.mjs";

let extensions;
/** The folder of extensions that all sessions share, one after the other: packed from what dist holds and installed once per run. */
async function installed() {
  if (extensions) return extensions;
  const home = temporaryFolder("installed");
  await installExtension(home, await packageFor(thisTarget, { folder: temporaryFolder("vsix"), build: false }));
  return (extensions = path.join(home, "extensions"));
}

/** A folder with the sample, a copy of it cut off inside its header, and what `fill` adds. */
export function modelFolder(fill) {
  const folder = path.join(temporaryFolder("models"), "models");
  mkdirSync(folder);
  const beside = path.dirname(sample);
  mkdirSync(path.join(folder, "tale"));
  for (const name of ["model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"]) {
    copyFileSync(path.join(beside, name), path.join(folder, "tale", name));
  }
  copyFileSync(sample, path.join(folder, "sample.safetensors"));
  writeFileSync(path.join(folder, "broken.safetensors"), readFileSync(sample).subarray(0, 1000));
  fill?.(folder);
  return folder;
}

/** Starts everything; `end` stops it. `size`: of the browser window. `prepare` is given the browser's context before a page loads. */
export async function startSession({ folder = modelFolder(), trusted = true, settings = {}, size = {}, log, prepare } = {}) {
  const home = temporaryFolder("workbench");
  symlinkSync(await installed(), path.join(home, "extensions"), "junction");
  const server = await startServer({ home, settings, trusted, log });
  const browser = await launchBrowser({ host: server.host, ...size });
  await prepare?.(browser.context);
  await openWorkbench(browser.page, server.url(folder));
  return {
    folder,
    server,
    browser,
    page: browser.page,
    panel: webview(browser.page),
    end: async () => {
      await browser.close();
      await server.stop();
    },
  };
}

export async function screenshot(page, name) {
  await page.screenshot({ path: path.join(ensureFolder(path.join(out, "workbench")), `${name}.png`) });
}
