// The host's side of the bit budget: the real session over errors that the models' reports hold.
import type { Engine, Progress, UniformPoint } from "../../src/core/api/engine";
import type { ToPanel } from "../../src/core/api/panel";
import { EngineError, cancelled } from "../../src/core/errors";
import type { FormatName } from "../../src/core/model";
import type { SensitivityTable } from "../../src/core/sensitivity";
import { budgetItems } from "../../src/budget/sensitivity";
import { prepareBudget } from "../../src/budget/solve";
import { BudgetSession } from "../../src/vscode/budgetSession";
import type { Made } from "./models";

export function sensitivityOf({ model, reports }: Made, target: FormatName): SensitivityTable {
  const byName = new Map(reports.map((r) => [r.name, r]));
  const tensors = model.tensors.flatMap(({ name, shape, elementCount, byteLength, role, layer, expert }) => {
    if (shape.length < 2) return [];
    const report = byName.get(name);
    const measured = (report?.errors ?? []).map((e) => ({
      encoding: e.encoding,
      bytes: Math.ceil((elementCount * e.bitsPerWeight) / 8),
      squaredError: e.relativeSquaredError * (report?.stats.sumOfSquares ?? 0),
    }));
    const smaller = measured.filter((c) => c.bytes < byteLength);
    if (smaller.length === 0) return [];
    const candidates = [...smaller, { encoding: "keep", bytes: byteLength, squaredError: 0 }];
    return [{ name, elementCount, currentBytes: byteLength, role, layer, expert, candidates }];
  });
  const fixedBytes = model.tensors.filter((t) => !tensors.some((x) => x.name === t.name)).reduce((n, t) => n + t.byteLength, 4096);
  return { version: 1, model: { fingerprint: "made", name: "made" }, target, fixedBytes, tensors };
}

function uniformsOf(table: SensitivityTable, made: Made): UniformPoint[] {
  const solver = prepareBudget(budgetItems(table));
  return made.encodings
    .filter((e) => e.bitsPerWeight < 16)
    .map((e) => {
      let [byteLength, squaredError] = [table.fixedBytes, 0];
      const choices: number[] = [];
      for (const { candidates } of table.tensors) {
        const found = candidates.findIndex((x) => x.encoding === e.name);
        choices.push(found < 0 ? candidates.length - 1 : found);
        byteLength += candidates[choices.at(-1)!].bytes;
        squaredError += candidates[choices.at(-1)!].squaredError;
      }
      const best = solver.solve(Math.min(solver.maximum, Math.max(solver.minimum, byteLength - table.fixedBytes)));
      return { name: e.name, label: e.label, byteLength, squaredError, bestSquaredError: best.error, choices };
    });
}

/** `remembered`: the errors were measured before. `slow`: measuring does not end by itself. */
export function budgetHost(made: Made, deliver: (message: ToPanel) => void, { remembered = false, slow = false, fails = "" } = {}): BudgetSession {
  const sensitivity: Engine["sensitivity"] = async (request, onProgress, token) => {
    if (request.rememberedOnly && !remembered) throw new EngineError("not-found", "Nothing is remembered.");
    if (fails && !request.rememberedOnly) throw new EngineError("io", fails);
    if (slow) {
      const progress: Progress = { tensorsDone: 9, tensorsTotal: 30, bytesDone: 4e5, bytesTotal: 1e6, seconds: 4 };
      onProgress(progress);
      await new Promise((_, reject) => token?.onCancellationRequested(() => reject(cancelled())));
    }
    return sensitivityOf(made, request.target);
  };
  const pareto: Engine["pareto"] = async ({ target }) => {
    const table = sensitivityOf(made, target);
    return { target, curve: [], uniforms: uniformsOf(table, made) };
  };
  const session: BudgetSession = new BudgetSession({
    path: made.model.path,
    engine: async () => ({ sensitivity, pareto, check: async () => ({ findings: [] }) }),
    facts: () => ({ parameterCount: made.model.parameterCount, targets: ["safetensors", "gguf"] }),
    changed: (what) => {
      const { view, plan } = session;
      if (what === "budget" && view) deliver({ type: "budget", budget: view });
      if (what === "plan" && plan) deliver({ type: "plan", plan });
    },
    keep: () => {},
  });
  return session;
}
