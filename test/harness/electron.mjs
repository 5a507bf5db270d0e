// npm run test:electron: the extension's suite in a desktop VS Code, which @vscode/test-electron downloads. BITLENS_VSCODE names
// an executable to use instead; test/harness/vscodeShim.mjs is one that needs neither a download nor a display.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { root, temporaryFolder } from "./paths.mjs";
import { ensureDependencies } from "./tools.mjs";

await ensureDependencies();
const { buildAll } = await import("./package.mjs");
await buildAll();
const { runTests } = await import("@vscode/test-electron");
const results = path.join(temporaryFolder("electron"), "results.json");
let problem;
try {
  await runTests({
    vscodeExecutablePath: process.env.BITLENS_VSCODE || undefined,
    extensionDevelopmentPath: root,
    extensionTestsPath: path.join(root, "dist/test/index"),
    extensionTestsEnv: { BITLENS_RESULTS: results, BITLENS_GREP: process.env.BITLENS_GREP ?? "" },
    launchArgs: [
      "--disable-extensions",
      "--disable-workspace-trust",
      `--user-data-dir=${temporaryFolder("user")}`,
      temporaryFolder("workspace"),
    ],
  });
} catch (error) {
  problem = error.message ?? String(error);
}
const tests = existsSync(results) ? JSON.parse(readFileSync(results, "utf8")) : [];
for (const { title, error } of tests.filter((t) => !t.ok)) console.log(`✗ ${title}\n${error}`);
const failed = tests.filter((t) => !t.ok).length;
if (!tests.length) console.error(`No test ran in VS Code: ${problem ?? "it wrote no results"}.`);
console.log(`${tests.length - failed} passed, ${Math.max(failed, tests.length && !problem ? 0 : failed || 1)} failed`);
process.exit(tests.length && !failed && !problem ? 0 : 1);
