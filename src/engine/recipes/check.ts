import type { RecipeCheck, RecipeFinding } from "../../core/api/engine";
import type { FormatName, ModelIndex } from "../../core/model";
import { keep, type Recipe } from "../../core/recipe";
import { applyRecipe } from "../../budget/apply";
import type { Assignment } from "../../formats/format";
import type { ChosenMethods } from "../exportJobs";
import { perWeight } from "../exportChoices";
import type { OpenModel } from "../openModel";
import { recipeTensors } from "./alternatives";
import { type FixContext, fixesFor, isHeld, remedyFix } from "./fixes";
import { fileFindings, loadFindings, type LoadFinding, rowLengths } from "./loadRules";
import type { RecipeTarget } from "./target";

export interface CheckedRecipe {
  readonly check: RecipeCheck;
  /** What would be written; meaningless where `check` holds an error. */
  readonly assignments: readonly Assignment[];
  /** Methods of the tensors whose rules name one. */
  readonly methods: ChosenMethods;
}

/** Fixes are looked for in so many findings; a recipe with more is better written anew. */
const mostFixed = 200;

/** Does the recipe fit the model, will its runtimes load the result, and how large will it be? Reads headers only. */
export async function checkRecipe(
  model: OpenModel,
  target: RecipeTarget,
  recipe: Recipe,
  fingerprint: string,
): Promise<CheckedRecipe> {
  const { index } = model;
  const tensors = recipeTensors(target);
  const names = new Set(tensors.map((t) => t.name));
  const fixed = index.tensors.filter((t) => !names.has(t.name)).map((t) => t.name);
  const applied = applyRecipe(recipe, tensors, { fingerprint, fixed });
  const context: FixContext = { recipe, applied, target, tensors, model: { name: model.name, fingerprint } };
  const assignments = applied.assignments
    .filter((a) => a.encoding !== keep)
    .map(({ tensor, encoding }) => ({ tensor, encoding }));
  const methods = new Map(
    applied.assignments.flatMap(({ tensor, method, options }) => (method === undefined ? [] : [[tensor, { name: method, options }]])),
  );
  const findings: RecipeFinding[] = applied.diagnostics.map((diagnostic, i) => {
    const { severity, code, message, path } = diagnostic;
    const fixes = i < mostFixed ? fixesFor(diagnostic, context) : [];
    const blocks = code === "cannot-hold" && /do not divide into/.test(message);
    return {
      severity,
      code,
      message,
      path: [...path],
      ...(blocks && rowLengths[target.format]),
      ...(fixes.length && { fixes }),
    };
  });
  findings.push(...runtimeFindings(context, index));
  const says = findings.some((f) => f.severity === "error");
  // A conversion is worth something without any other encoding, when that is what the rules say.
  if (assignments.length === 0 && !says && (target.format === index.format || recipe.rules.length === 0)) {
    findings.push({
      severity: "error",
      code: "nothing-changes",
      path: ["rules"],
      message: "Under this recipe no tensor changes; give at least one of them an encoding.",
    });
  }
  if (findings.some((f) => f.severity === "error")) return { check: { findings }, assignments, methods };
  const planned = await target.plan(assignments, `model.${target.format}`);
  findings.push(...fileFindings(planned, index.files.length));
  const { weightBytes } = planned;
  return {
    check: { findings, byteLength: weightBytes, bitsPerWeight: perWeight(weightBytes, index), tensorCount: assignments.length },
    assignments,
    methods,
  };
}

/** What the target's runtimes do with the choice. */
function runtimeFindings(context: FixContext, { metadata }: ModelIndex): RecipeFinding[] {
  const { applied, target, tensors } = context;
  const chosen = new Map(applied.assignments.map((a) => [a.tensor, a]));
  const byName = new Map(tensors.map((t) => [t.name, t]));
  const choice = {
    tensors: target.tensors.map((t) => t.info),
    metadata,
    encodingOf: (name: string) => chosen.get(name)?.encoding ?? keep,
    holds: (name: string, encoding: string) => isHeld(byName.get(name), encoding),
  };
  /** The last rule that decides about one of the tensors. */
  const place = ({ tensors: names }: LoadFinding): (string | number)[] => {
    const rules = names.flatMap((name) => chosen.get(name)?.rule ?? []);
    return rules.length ? ["rules", rules.reduce((a, b) => Math.max(a, b)), "encoding"] : ["rules"];
  };
  return loadFindings(target.format, choice).map((found) => {
    const { severity, code, message, runtime, source, remedies = [] } = found;
    const fixes = remedies.flatMap((remedy) => remedyFix(remedy, context) ?? []);
    return { severity, code, message, path: place(found), runtime, source, ...(fixes.length && { fixes }) };
  });
}

/** A container that the model cannot become, as a finding. */
export function wrongTarget(message: string, targets: readonly FormatName[]): RecipeCheck {
  const fixes = targets.map((name) => ({ title: `Make it a recipe for ${name}`, edits: [{ path: ["target"], value: name }] }));
  return { findings: [{ severity: "error", code: "wrong-target", message, path: ["target"], fixes }] };
}
