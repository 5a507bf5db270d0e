// npm test: installs what is missing, runs every stage, and adds up what they really ran.
//   node test/harness/test.mjs [STAGE…]
import { ensureDependencies, ensureChromium, ensureCodeServer } from "./tools.mjs";

const wanted = process.argv.slice(2);
const began = Date.now();
const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(1)} s`;
const totals = [];

async function stage({ name, says, run }) {
  const from = Date.now();
  console.log(`\n── ${says}`);
  let results;
  try {
    results = await run();
    if (!results.length) throw new Error(`The stage "${name}" ran nothing.`);
  } catch (error) {
    results = [...(results ?? []), { title: name, ok: false, error: error.stack ?? String(error) }];
  }
  const failed = results.filter((r) => !r.ok);
  for (const { title, error } of failed) console.log(`\n✗ ${title}\n${String(error ?? "").replace(/^/gm, "    ")}`);
  const row = { says, passed: results.length - failed.length, failed: failed.length, took: seconds(from) };
  console.log(`${row.passed} passed, ${row.failed} failed in ${row.took}`);
  totals.push(row);
  return failed.length === 0;
}

function summary() {
  const passed = totals.reduce((sum, t) => sum + t.passed, 0);
  const failed = totals.reduce((sum, t) => sum + t.failed, 0);
  console.log("\n── summary");
  for (const t of totals) {
    const counts = `${String(t.passed).padStart(6)} passed ${String(t.failed).padStart(5)} failed`;
    console.log(`${t.failed ? "✗" : "✓"} ${t.says.padEnd(28)} ${counts}  ${t.took.padStart(8)}`);
  }
  console.log(`in ${seconds(began)}\n`);
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
}

try {
  await ensureDependencies();
} catch (error) {
  totals.push({ says: "installing", passed: 0, failed: 1, took: seconds(began) });
  console.error(error.message);
  summary();
}
const { stages } = await import("./stages.mjs");
const unknown = wanted.filter((w) => !stages.some((s) => s.name === w));
if (unknown.length) {
  console.error(`There is no stage ${unknown.join(", ")}; the stages are ${stages.map((s) => s.name).join(", ")}.`);
  process.exit(2);
}
let chosen = wanted.length ? stages.filter((s) => wanted.includes(s.name)) : stages;
if (chosen.some((s) => s.needsBuild) && !chosen.some((s) => s.name === "build"))
  chosen = [stages.find((s) => s.name === "build"), ...chosen];
let built = true;
for (const s of chosen) {
  if (s.needsBuild && !built) {
    console.log(`\n── ${s.says}\nnot run: the build failed`);
    totals.push({ says: s.says, passed: 0, failed: 1, took: "0.0 s" });
    continue;
  }
  if (s.name === "extension" || s.name === "webview" || s.name === "workbench") {
    const ready = await stage({
      name: "tools",
      says: `tools for the ${s.says}`,
      run: async () => {
        await ensureCodeServer();
        await ensureChromium();
        return [{ title: "tools", ok: true }];
      },
    });
    totals.pop();
    if (!ready) {
      totals.push({ says: s.says, passed: 0, failed: 1, took: "0.0 s" });
      continue;
    }
  }
  const ok = await stage(s);
  if (s.name === "build") built = ok;
}
summary();
