// What a step in the Budget tab costs: 1,001 tensors with 20 encodings each, the host's side.
import { budgetItems } from "../../src/budget/sensitivity";
import { fusedGroups } from "../../src/budget/items";
import { prepareBudget } from "../../src/budget/solve";
import type { SensitivityTable } from "../../src/core/sensitivity";
import { BudgetSession } from "../../src/vscode/budgetSession";
import { transformerItems } from "../builders/budgetItems";
import { printTable } from "./table";

const steps = 300;
/** Each step counts with the best of so many runs: other work on the machine only ever adds. */
const runs = 3;

export async function benchBudget(): Promise<void> {
  const rows: string[][] = [];
  for (const target of ["gguf", "safetensors"] as const) {
    const items = transformerItems(143, 20);
    const table: SensitivityTable = {
      version: 1,
      model: { fingerprint: "made" },
      target,
      fixedBytes: 1_000_000,
      tensors: items.map((item) => ({
        ...item,
        currentBytes: 2 * item.elementCount,
        candidates: item.candidates.map(({ error, ...c }) => ({ ...c, squaredError: error })),
      })),
    };
    const parameterCount = items.reduce((n, t) => n + t.elementCount, 0);
    const session = new BudgetSession({
      path: "/made",
      engine: async () => ({
        sensitivity: async () => table,
        pareto: async () => ({ target, curve: [], uniforms: uniforms(table) }),
        check: async () => ({ findings: [] }),
      }),
      facts: () => ({ parameterCount, targets: [target] }),
      changed: () => {},
      keep: () => {},
    });
    await session.open();
    const { minimum, maximum } = session.plan!;
    const at = (i: number) => Math.round(minimum + ((maximum - minimum) * (i + 0.5)) / steps);
    let exact = 0;
    let gap = 0;
    const measure = async (what: string, step: (i: number) => Promise<void>) => {
      const times = new Float64Array(steps).fill(Infinity);
      for (let run = 0; run < runs; run++) {
        [exact, gap] = [0, 0];
        for (let i = 0; i < steps; i++) {
          const before = performance.now();
          await step(i);
          times[i] = Math.min(times[i], performance.now() - before);
          const { squaredError, lowerBound } = session.plan!;
          if (session.plan!.exact) exact++;
          gap = Math.max(gap, (squaredError - lowerBound) / squaredError);
        }
      }
      times.sort();
      const [median, p99, most] = [times[steps >> 1], times[Math.floor(0.99 * steps)], times[steps - 1]].map((t) => t.toFixed(1));
      rows.push([`${target === "safetensors" ? "fused" : "free"}: ${what}`, median, p99, most, `${((100 * exact) / steps).toFixed(0)} %`, gap.toExponential(1)]);
    };
    await measure("slider moves", (i) => session.apply({ kind: "size", fileBytes: at(i), final: false }));
    await measure("slider is let go", (i) => session.apply({ kind: "size", fileBytes: at((i * 617) % steps), final: true }));
    await measure("a lock, set and removed", (i) =>
      session.apply({ kind: "lock", tensor: items[(i >> 1) % items.length].name, ...(i % 2 ? {} : { encoding: "e9" }) }));
    await measure("a limit on a role, set and removed", (i) => session.apply({ kind: "limit", role: "down", ...(i % 2 ? {} : { minBits: 4 }) }));
    await measure("undo and redo of it", (i) => session.apply({ kind: i % 2 ? "redo" : "undo" }));
    const began = performance.now();
    prepareBudget(budgetItems(table), { agree: target === "safetensors" ? fusedGroups(table.tensors) : [] });
    rows.push([`${target === "safetensors" ? "fused" : "free"}: solver made anew`, (performance.now() - began).toFixed(1), "", "", "", ""]);
  }
  printTable("Bit budget, 1,001 tensors × 20 encodings, milliseconds", ["step", "median", "99 %", "most", "exact", "largest stated gap"], rows);
}

function uniforms({ tensors, fixedBytes }: SensitivityTable) {
  return tensors[0].candidates.map((c, k) => {
    const byteLength = tensors.reduce((sum, t) => sum + t.candidates[k].bytes, fixedBytes);
    const squaredError = tensors.reduce((sum, t) => sum + t.candidates[k].squaredError, 0);
    return { name: c.encoding, label: c.encoding, byteLength, squaredError, bestSquaredError: squaredError, choices: tensors.map(() => k) };
  });
}
