// The stages of `npm test`. Each resolves with [{ title, ok, error? }]; what it throws counts as one failure.
import { existsSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { runExtensionTests } from "./extensionHost.mjs";
import { buildAll } from "./package.mjs";
import { ensureFolder, out, root, temporaryFolder } from "./paths.mjs";
import { run } from "./processes.mjs";

const bin = (name, script) => path.join(root, "node_modules", name, script);
const node = (args, options) => run(process.execPath, args, { cwd: root, quiet: true, ...options });

/** Lint and the import ladder: one check, or one failure per file. */
async function lint() {
  const { code, output, timedOut } = await node(
    [bin("eslint", "bin/eslint.js"), ".", "--max-warnings", "0", "--format", "json"],
    { timeout: 180_000 },
  );
  if (timedOut) throw new Error("eslint did not finish within three minutes.");
  let files;
  try {
    files = JSON.parse(output.slice(output.indexOf("[{")));
  } catch {
    throw new Error(`eslint ended with code ${code}:\n${output.slice(-3000)}`);
  }
  const bad = files.filter(({ messages }) => messages.length > 0);
  console.log(`${files.length} files`);
  if (!bad.length) return [{ title: "eslint", ok: files.length > 0, error: "It looked at no file." }];
  return bad.map(({ filePath, messages }) => ({
    title: path.relative(root, filePath),
    ok: false,
    error: messages.map((m) => `${m.line}:${m.column} ${m.message} (${m.ruleId})`).join("\n"),
  }));
}

async function types() {
  const { code, output } = await node([bin("typescript", "bin/tsc"), "-p", "."], { timeout: 240_000 });
  return [{ title: "tsc -p .", ok: code === 0, error: output.slice(0, 6000) }];
}

async function build() {
  await buildAll();
  return [{ title: "esbuild", ok: true }];
}

async function unit() {
  return mocha("unit", [], 360_000);
}

async function workbench() {
  return mocha("workbench", ["--config", "test/workbench/mocharc.json"], 420_000);
}

/** Runs mocha with its JSON reporter; the counts are those of its own report. */
async function mocha(name, args, timeout) {
  const report = path.join(temporaryFolder("mocha"), "report.json");
  rmSync(report, { force: true });
  const { code, output, timedOut } = await node(
    [
      bin("mocha", "bin/mocha.js"),
      ...args,
      "--reporter",
      "json",
      "--reporter-option",
      `output=${report}`,
      "--forbid-only",
      "--forbid-pending",
    ],
    { timeout, env: { ...process.env, FORCE_COLOR: "0" } },
  );
  if (timedOut) throw new Error(`The ${name} tests did not finish within ${timeout / 1000} s.\n${output.slice(-2000)}`);
  if (!existsSync(report)) throw new Error(`The ${name} tests ended with code ${code} and no report:\n${output.slice(-4000)}`);
  const { tests, failures, stats } = JSON.parse(readFileSync(report, "utf8"));
  const results = tests.filter((t) => Object.keys(t.err ?? {}).length === 0).map((t) => ({ title: t.fullTitle, ok: true }));
  // Failures include hooks, which are not among the tests.
  for (const f of failures) results.push({ title: f.fullTitle, ok: false, error: f.err?.stack ?? f.err?.message ?? "failed" });
  if (stats.passes + stats.failures === 0) throw new Error(`No ${name} test ran.`);
  if (code !== 0 && !failures.length)
    throw new Error(`mocha ended with code ${code} although no test failed:\n${output.slice(-2000)}`);
  return results;
}

async function extension() {
  ensureFolder(out);
  return runExtensionTests();
}

/** The panel's page on its own, against a stand-in host; a line per test. */
async function webview() {
  const { code, output, timedOut } = await node([path.join(root, "test/webview/run.mjs")], { timeout: 360_000 });
  if (timedOut) throw new Error(`The panel's page did not finish within six minutes.\n${output.slice(-2000)}`);
  const results = [];
  for (const line of output.split("\n")) {
    const test = /^([✓✗]) (.*)$/.exec(line);
    if (test) results.push({ title: test[2], ok: test[1] === "✓", error: "" });
    else if (results.length && !results.at(-1).ok) results.at(-1).error += `${line}\n`;
  }
  if (code !== 0 && results.every((r) => r.ok)) throw new Error(`The panel's page ended with code ${code}:\n${output.slice(-3000)}`);
  return results;
}

/** In the order of `npm test`. A stage with `needsBuild` runs against dist. */
export const stages = [
  { name: "lint", says: "lint and layering", run: lint },
  { name: "types", says: "type check", run: types },
  { name: "build", says: "build", run: build },
  { name: "unit", says: "unit tests", run: unit, needsBuild: true },
  { name: "extension", says: "suite in the extension host", run: extension, needsBuild: true },
  { name: "webview", says: "panel page in Chromium", run: webview, needsBuild: true },
  { name: "workbench", says: "workbench in Chromium", run: workbench, needsBuild: true },
];
