import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
// @ts-expect-error plain JavaScript without types
import { dependenciesProblem } from "../../harness/tools.mjs";

type Packages = Record<string, { version: string; optional?: boolean; link?: boolean }>;

/** What `npm ci` would be run for, with this lock file and these installed packages. */
function check(locked: Packages, installed: Packages | undefined): string | undefined {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "bitlens-dependencies-"));
  try {
    fs.writeFileSync(path.join(folder, "package-lock.json"), JSON.stringify({ packages: { "": { version: "1.0.0" }, ...locked } }));
    if (installed) {
      fs.mkdirSync(path.join(folder, "node_modules"));
      fs.writeFileSync(path.join(folder, "node_modules/.package-lock.json"), JSON.stringify({ packages: installed }));
    }
    return dependenciesProblem(folder);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

describe("installed packages against the lock file", () => {
  const a = { "node_modules/a": { version: "1.0.0" } };
  const rows: [danger: string, locked: Packages, installed: Packages | undefined, problem: string | undefined][] = [
    ["nothing installed", a, undefined, "node_modules is missing"],
    ["a package is missing", a, {}, "node_modules/a is missing"],
    ["another version", a, { "node_modules/a": { version: "0.9.0" } }, "node_modules/a is 0.9.0, the lock file says 1.0.0"],
    ["all there", a, a, undefined],
    ["another platform's package is absent", { "node_modules/a": { version: "1.0.0", optional: true } }, {}, undefined],
    ["a name like an object's member", { "node_modules/constructor": { version: "1.0.0" } }, {}, "node_modules/constructor is missing"],
  ];
  for (const [danger, locked, installed, problem] of rows) {
    it(danger, () => assert.equal(check(locked, installed), problem));
  }
});
