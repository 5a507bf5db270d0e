import type { RecipeCheck, RecipeFinding } from "../../core/api/engine";
import { keep, type Recipe } from "../../core/recipe";
import { applyRecipe } from "../../budget/apply";
import type { Assignment } from "../../formats/format";
import { perWeight } from "../exportChoices";
import type { OpenModel } from "../openModel";
import { loadRules } from "./loadRules";
import type { RecipeTarget } from "./target";

export interface CheckedRecipe {
  readonly check: RecipeCheck;
  /** What would be written; meaningless where `check` holds an error. */
  readonly assignments: readonly Assignment[];
}

/** Does the recipe fit the model, will its runtimes load the result, and how large will it be? Reads headers only. */
export async function checkRecipe(model: OpenModel, target: RecipeTarget, recipe: Recipe, fingerprint: string): Promise<CheckedRecipe> {
  const applied = applyRecipe(
    recipe,
    target.tensors.map(({ info, candidates }) => ({
      name: info.name,
      role: info.role,
      candidates: candidates.map((c) => c.encoding),
      held: (encoding: string) => target.held?.(info, encoding),
    })),
    { fingerprint },
  );
  const assignments = applied.assignments.filter((a) => a.encoding !== keep).map(({ tensor, encoding }) => ({ tensor, encoding }));
  const findings: RecipeFinding[] = applied.diagnostics.map(({ severity, code, message, path }) => ({ severity, code, message, path: [...path] }));
  const chosen = new Map(assignments.map((a) => [a.tensor, a.encoding]));
  for (const rule of loadRules) {
    if (rule.format !== target.format) continue;
    for (const message of rule.check({ tensors: target.tensors.map((t) => t.info), encodingOf: (name) => chosen.get(name) ?? keep })) {
      findings.push({ severity: rule.severity, code: rule.code, message, path: [], runtime: rule.runtime, source: rule.source });
    }
  }
  if (assignments.length === 0) {
    findings.push({ severity: "error", code: "nothing-changes", path: ["rules"], message: "Under this recipe no tensor changes; give at least one of them an encoding." });
  }
  if (findings.some((f) => f.severity === "error")) return { check: { findings }, assignments };
  const { weightBytes } = await target.plan(assignments, `model.${target.format}`);
  return {
    check: { findings, byteLength: weightBytes, bitsPerWeight: perWeight(weightBytes, model.index), tensorCount: assignments.length },
    assignments,
  };
}
