// Runs the suite inside the extension host. VS Code loads this file and waits for `run`.
import * as fs from "node:fs";
import * as path from "node:path";
import Mocha from "mocha";

/** Resolves when every test passed. Results go to the file that BITLENS_RESULTS names, failures also to the console. */
export async function run(): Promise<void> {
  const mocha = new Mocha({
    ui: "bdd",
    timeout: 60_000,
    forbidOnly: true,
    forbidPending: true,
    grep: process.env.BITLENS_GREP || undefined,
  });
  for (const file of fs
    .readdirSync(__dirname)
    .filter((f) => f.endsWith(".test.js"))
    .sort())
    mocha.addFile(path.join(__dirname, file));
  const results: object[] = [];
  const failures = await new Promise<number>((resolve) => {
    const runner = mocha.run(resolve);
    runner.on("pass", (test) => results.push({ title: test.fullTitle(), ok: true, ms: test.duration }));
    runner.on("fail", (test, error: Error) => {
      results.push({ title: test.fullTitle(), ok: false, error: `${error.stack ?? error}` });
      console.error(`bitlens test failed: ${test.fullTitle()}\n${error.stack ?? error}`);
    });
  });
  if (process.env.BITLENS_RESULTS) fs.writeFileSync(process.env.BITLENS_RESULTS, JSON.stringify(results));
  if (results.length === 0) throw new Error("No test ran.");
  if (failures) throw new Error(`${failures} of ${results.length} tests failed.`);
}
