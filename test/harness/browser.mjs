// A Chromium without a display, watching for what must not happen: requests to other machines and errors of our own page.
import { rmSync } from "node:fs";
import { temporaryFolder } from "./paths.mjs";
import { ensureChromium } from "./tools.mjs";

export const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-default-apps",
  "--force-color-profile=srgb",
];

/** A console line is ours when it comes from a webview or names our extension. */
const ours = (text, url) =>
  /bitlens\.(bitlens|model)|extensions\/bitlens/i.test(text) ||
  /\/webview\/browser\/pre\/|vscode-webview|vscode-resource/.test(url);
const breach = (text) => /Content Security Policy|Refused to (load|execute|apply|connect|run)/i.test(text);

/** `host`: the only one the page may talk to. */
export async function launchBrowser({ host, width = 1280, height = 800, scale = 1 }) {
  const { chromium } = await import("playwright-core");
  const profile = temporaryFolder("chromium");
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: await ensureChromium(),
    headless: true,
    viewport: { width, height },
    deviceScaleFactor: scale,
    args: flags,
    permissions: ["clipboard-read", "clipboard-write"],
  });
  const page = context.pages()[0] ?? (await context.newPage());
  const foreign = new Set();
  const errors = [];
  const log = [];
  context.on("request", (request) => {
    const url = new URL(request.url());
    // Webview resources look foreign and are answered by the workbench's own service worker.
    if (!/^(https?|wss?):$/.test(url.protocol) || url.host === host || url.hostname.endsWith(".vscode-resource.vscode-cdn.net"))
      return;
    foreign.add(`${request.method()} ${url.origin}${url.pathname}`.slice(0, 160));
  });
  page.on("console", (message) => {
    const text = message
      .text()
      .replace(/%c/g, "")
      .replace(/color: ?\w*/g, "")
      .trim();
    const { url } = message.location();
    log.push(`[${message.type()}] ${text}`);
    if (message.type() === "error" && (ours(text, url) || breach(text))) errors.push(`${text} (${url})`.slice(0, 600));
  });
  page.on("pageerror", (error) => {
    log.push(`[pageerror] ${error.stack ?? error}`);
    if (ours(`${error.stack}`, `${error.stack}`)) errors.push(`${error.stack ?? error}`.slice(0, 600));
  });
  return {
    page,
    context,
    log,
    /** Empties and returns what went wrong since the last call. */
    problems: () => {
      const all = [...errors.splice(0), ...[...foreign].map((request) => `request to another machine: ${request}`)];
      foreign.clear();
      return all;
    },
    close: async () => {
      await context.close().catch(() => {});
      rmSync(profile, { recursive: true, force: true });
    },
  };
}
