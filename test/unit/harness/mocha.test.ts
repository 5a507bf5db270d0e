import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { inFolder } from "../../builders/toyModel";

const harness = path.join(__dirname, "../../harness");

describe("harness: unit tests", () => {
  const { specs } = require(path.join(harness, "specs.cjs")) as { specs(args: readonly string[]): string[] };
  const all = ["test/unit/**/*.test.ts"];
  const rows: [args: string, want: readonly string[]][] = [
    ["", all],
    ["-g export", all],
    ["--grep=test/unit -R spec", all],
    ["-g test/unit/cli", all],
    ["test/unit/cli/cli.test.ts", []],
    ["-R spec ./test/unit/cli", []],
    ["/home/me/bitlens/test/unit/cli/cli.test.ts -g export", []],
    ["--spec /home/me/bitlens/test/unit/cli/cli.test.ts --timeout 0", []],
    ["--spec=test/unit/cli/cli.test.ts", []],
  ];
  for (const [args, want] of rows) {
    it(`mocha ${args}: ${want.length ? "all" : "what is named"}`, () => assert.deepEqual(specs(args.split(" ")), want));
  }

  it("a named file runs alone", () => {
    const mocha = path.join(harness, "../../node_modules/mocha/bin/mocha.js");
    const args = [mocha, "test/unit/core/problems.test.ts", "--dry-run", "-R", "json"];
    const { stdout } = spawnSync(process.execPath, args, { cwd: path.join(harness, "../.."), encoding: "utf8" });
    const { tests } = JSON.parse(stdout) as { tests: { file: string }[] };
    assert.deepEqual([...new Set(tests.map(({ file }) => path.basename(file)))], ["problems.test.ts"]);
  });

  it("without dist/ there is one sentence that says to build, and no test runs", () =>
    inFolder(async (folder) => {
      const copy = path.join(folder, "test/harness/built.cjs");
      fs.mkdirSync(path.dirname(copy), { recursive: true });
      fs.copyFileSync(path.join(harness, "built.cjs"), copy);
      const { status, stdout, stderr } = spawnSync(process.execPath, ["--require", copy, "-p", "'ran'"], { encoding: "utf8" });
      assert.deepEqual([status, stdout], [1, ""]);
      assert.match(stderr, /^[^\n]*run `npm run build` first\.\n$/);
    }));
});
