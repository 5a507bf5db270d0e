import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { promisify } from "node:util";
import { UsageError } from "../../../src/cli/outcome";
import { boundOf } from "../../../src/cli/plan";
import { encoding } from "../../../src/encodings/index";
import { ggufFile } from "../../builders/gguf";
import { gaussians } from "../../builders/random";
import { inFolder } from "../../builders/toyModel";

const program = path.join(__dirname, "../../../dist/cli.js");
const run = (...args: string[]) => promisify(execFile)(process.execPath, [program, ...args]);

describe("cli: limits of a plan", () => {
  const rows: [string, ReturnType<typeof boundOf>][] = [
    ["*.down.*=6", { match: "*.down.*", bits: 6 }],
    ["4.25", { bits: 4.25 }],
    [".5", { bits: 0.5 }],
    ["a=b=3", { match: "a=b", bits: 3 }],
  ];
  for (const [text, wanted] of rows) it(`"${text}"`, () => assert.deepEqual(boundOf("--min-bits", text), wanted));
  for (const text of ["", "=4", "a=", "a=0", "a=65", "a=-1", "many", "a=1e1", "a=4 "]) {
    it(`"${text}" is refused with an example`, () =>
      assert.throws(() => boundOf("--max-bits", text), (e) => e instanceof UsageError && /--max-bits takes GLOB=BITS/.test(e.message)));
  }

  it("reach the plan; what they leave impossible says how far one can go", async () => {
    await inFolder(async (folder) => {
      const names = ["ffn_up", "ffn_down"].map((n) => `blk.0.${n}.weight`);
      const tensors = names.map((name, i) => ({ name, ne: [256, 8], type: 0, data: new Uint8Array(gaussians(2048, i + 1).buffer) }));
      const model = path.join(folder, "a.gguf");
      await fs.writeFile(model, ggufFile({ entries: [["general.architecture", [8, "llama"]]], tensors }));
      const output = path.join(folder, "a.bitlens.json");
      const plan = (...options: string[]) => run("plan", model, "-o", output, "--threads", "1", ...options);
      await plan("--bpw", "9", "--min-bits", "*down*=8", "--max-bits", "*up*=5");
      const { rules } = JSON.parse(await fs.readFile(output, "utf8")) as { rules: { match: string; encoding: string }[] };
      const bits = names.map((name) => {
        const { planes } = encoding(rules.findLast((r) => r.match === "*" || r.match === name)!.encoding);
        return planes.reduce((sum, p) => sum + p.rowBytes(256), 0) / 32;
      });
      assert.ok(bits[0] <= 5 && bits[1] >= 8, bits.join());
      const before = await fs.readFile(output, "utf8");
      await assert.rejects(plan("--bpw", "9", "--min-bits", "40"), { code: 1, stderr: /at least 40 bits .* the largest possible is 32\.00/ });
      await assert.rejects(plan("--bpw", "4", "--min-bits", "8"), { code: 1, stderr: /The smallest possible is .* loosen locks and limits/ });
      assert.equal(await fs.readFile(output, "utf8"), before, "nothing was written");
    });
  });
});
