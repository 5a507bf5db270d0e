// Runs test/extension inside a real extension host: a server that takes a development extension from the page's address, and
// a browser that opens the page.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { launchBrowser } from "./browser.mjs";
import { ensureFolder, out, root, temporaryFolder } from "./paths.mjs";
import { startServer } from "./server.mjs";

const timeout = 240_000;

/** Resolves with [{ title, ok, error? }]; rejects when the host did not finish or nothing ran. */
export async function runExtensionTests({
  results = path.join(temporaryFolder("results"), "extension.json"),
  environment = {},
} = {}) {
  const home = temporaryFolder("host");
  const server = await startServer({ home, driver: true, log: "extension-server.log" });
  const browser = await launchBrowser({ host: server.host });
  try {
    const { page } = browser;
    const log = [];
    await page.exposeFunction("codeAutomationLog", (type, args) => void log.push(`[${type}] ${args.map(String).join(" ")}`));
    const ended = new Promise(
      (resolve) =>
        void page
          .exposeFunction("codeAutomationExit", (code) => resolve(code))
          .then(async () => {
            const extensionEnvironment = JSON.stringify({
              BITLENS_RESULTS: results,
              BITLENS_GREP: process.env.BITLENS_GREP ?? "",
              ...environment,
            });
            await page.goto(
              server.url(ensureFolder(path.join(home, "workspace")), [
                ["extensionDevelopmentPath", server.remote(root)],
                ["extensionTestsPath", server.remote(path.join(root, "dist/test/index"))],
                ["extensionEnvironment", extensionEnvironment],
              ]),
            );
          }),
    );
    const late = new Promise((resolve) => setTimeout(() => resolve("timeout"), timeout).unref());
    const code = await Promise.race([ended, late]);
    const lines = log
      .filter((line) => !/\[(log|debug|trace)\]/.test(line))
      .slice(-60)
      .join("\n");
    if (!existsSync(results)) {
      await page.screenshot({ path: path.join(ensureFolder(out), "extension-host.png") }).catch(() => {});
      throw new Error(
        code === "timeout"
          ? `The extension host did not finish within ${timeout / 1000} s.\n${lines}`
          : `The extension host ended with code ${code} before any test.\n${lines}`,
      );
    }
    const tests = JSON.parse(readFileSync(results, "utf8"));
    if (code !== 0 && tests.every((t) => t.ok))
      throw new Error(`The extension host ended with code ${code} although no test failed.\n${lines}`);
    return tests;
  } finally {
    await browser.close();
    await server.stop();
  }
}
