// Serves the panel's page as the extension does and opens it in Chromium.
import { build } from "esbuild";
import { createServer } from "node:http";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { chromium } from "playwright-core";
import { flags } from "../harness/browser.mjs";
import { themes } from "./themes.mjs";

export const root = path.resolve(import.meta.dirname, "../..");
const page = (origin, theme, kind) => {
  const nonce = "bm9uY2U";
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src ${origin} 'nonce-${nonce}'; img-src blob: data:`;
  const variables = Object.entries(theme.variables)
    .map(([k, v]) => `--vscode-${k}: ${v};`)
    .join(" ");
  return `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Bitlens</title>
<meta http-equiv="Content-Security-Policy" content="${policy}"><meta property="csp-nonce" content="${nonce}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style nonce="${nonce}" id="theme">:root { ${variables} }</style>
<link rel="stylesheet" href="${origin}/panel.css"></head>
<body class="${theme.bodyClass}" data-vscode-theme-kind="${theme.kind}"><div id="app" data-page="${kind}"></div>
<script nonce="${nonce}" src="${origin}/recorded.js"></script>
<script nonce="${nonce}" src="${origin}/page.js"></script>
<script nonce="${nonce}" src="${origin}/webview.js"></script></body></html>`;
};

const bundle = async (entry, options = {}) =>
  (
    await build({
      entryPoints: [path.join(root, entry)],
      bundle: true,
      write: false,
      format: "iife",
      target: "es2022",
      logLevel: "error",
      ...options,
    })
  ).outputFiles[0].text;

/** Builds the panel and the stand-in host, serves them, and starts a browser. `recorded`: a file of reports to look at. */
export async function start({ recorded = process.env.BITLENS_RECORDED } = {}) {
  const files = {
    "/webview.js": ["text/javascript", await bundle("webview/main.ts", { minify: !process.env.BITLENS_READABLE })],
    "/page.js": ["text/javascript", await bundle("test/webview/page.ts")],
    "/panel.css": ["text/css", readFileSync(path.join(root, "media/panel.css"), "utf8")],
    "/recorded.js": ["text/javascript", given("llama", await llama()) + (recorded ? given("recorded", readFileSync(recorded, "utf8")) : "")],
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url, "http://localhost");
    const origin = `http://${request.headers.host}`;
    const theme = themes.find((t) => url.pathname === `/${t.id}`);
    const [type, body] = theme ? ["text/html", page(origin, theme, url.searchParams.get("page") ?? "model")] : (files[url.pathname] ?? []);
    response.writeHead(body === undefined ? 404 : 200, {
      "content-type": `${type ?? "text/plain"}; charset=utf-8`,
      // Nothing changes while this runs, in a browser profile of its own.
      "cache-control": "max-age=3600",
    });
    response.end(body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const executablePath =
    process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
  if (!executablePath) throw new Error("No Chromium found: install the package chromium, or name one in CHROMIUM.");
  const profile = mkdtempSync(path.join(tmpdir(), "bitlens-webview-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    args: flags,
    viewport: { width: 1280, height: 800 },
  });
  const origin = `http://127.0.0.1:${server.address().port}`;
  const errors = [];
  const open = async (theme = "dark", { width = 1280, height = 800, page = "model" } = {}) => {
    const tab = await context.newPage();
    tab.on("console", (m) => {
      if (m.type() === "error" || m.type() === "warning") errors.push(`[${m.type()}] ${m.text()}`);
    });
    tab.on("pageerror", (e) => errors.push(`[page] ${e.stack ?? e}`));
    await tab.setViewportSize({ width, height });
    await tab.goto(`${origin}/${theme}?page=${page}`);
    await tab.waitForSelector(".panel");
    return tab;
  };
  const close = async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
    server.close();
  };
  return { open, errors, close };
}

/** The model that most tests open is made here once, which takes longer than to open it. */
async function llama() {
  const made = { exports: {} };
  new Function("module", "exports", await bundle("test/webview/models.ts", { format: "cjs", platform: "node" }))(made, made.exports);
  return JSON.stringify(made.exports.llama(), (_key, value) => {
    if (!ArrayBuffer.isView(value)) return value;
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return { $: value.constructor.name.replace("Array", "").toLowerCase(), b: bytes.toString("base64") };
  });
}

/** Each time it is asked for, anew: { model, device, encodings, choices, reports } from JSON whose arrays are { $: dtype, b: base64 }. */
function given(name, json) {
  return `Object.defineProperty(window, "${name}", { get: () => JSON.parse(${JSON.stringify(json)}, (k, v) => {
    if (!v || !v.$) return v;
    const bytes = Uint8Array.from(atob(v.b), (c) => c.charCodeAt(0));
    return new ({ float64: Float64Array, float32: Float32Array, uint32: Uint32Array, uint16: Uint16Array, uint8: Uint8Array })[v.$](bytes.buffer);
  }) });\n`;
}

/** Everything drawn, faded in and said to the host (rest.ts). */
export const settle = (tab) => tab.evaluate(() => window.rest());
