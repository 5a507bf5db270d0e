import type { ParetoResult, PlanRequest, PlanResult, Progress, RecipeCheck, RecipeFacts, RecipeFactsRequest, SensitivityRequest, UniformPoint } from "../../core/api/engine";
import { type CancellationToken, checkCancelled } from "../../core/cancellation";
import { EngineError } from "../../core/errors";
import { keep, type Recipe } from "../../core/recipe";
import type { SensitivityTable } from "../../core/sensitivity";
import { fitToFile } from "../../budget/fitToFile";
import { budgetItems } from "../../budget/sensitivity";
import type { EngineFiles } from "../deps";
import { perWeight } from "../exportChoices";
import type { Keeper } from "../kept";
import type { ModelOpener, OpenModel } from "../openModel";
import type { Pool } from "../tasks";
import { checkRecipe, wrongTarget } from "./check";
import { recipeFacts } from "./facts";
import { isFloat, measureSensitivity } from "./measure";
import { prepare, solveFor } from "./planBudget";
import { recall, remember } from "./sensitivityCache";
import { cannotBecome, recipeTarget, type RecipeTarget, targetsOf } from "./target";

export interface RecipeContext {
  readonly opener: ModelOpener;
  readonly files: EngineFiles;
  readonly keeper: Keeper;
  readonly pool: () => Pool;
  readonly token: CancellationToken;
  now(): number;
  onProgress(progress: Progress): void;
}

/** The errors of every candidate, remembered or measured now. */
export async function sensitivity(request: SensitivityRequest, context: RecipeContext): Promise<SensitivityTable> {
  return (await prepared(request, context)).table;
}

/** The recipe of least error whose files are at most as large as asked. */
export async function plan(request: PlanRequest, context: RecipeContext): Promise<PlanResult> {
  const { model, target, table } = await prepared(request, context);
  const { budget } = request;
  const wanted = "fileBytes" in budget ? budget.fileBytes : Math.floor((budget.bitsPerWeight * model.index.parameterCount) / 8);
  const solver = prepare(table, request);
  const { plan: found, fileBytes } = await fitToFile({
    wanted,
    smallest: table.fixedBytes + solver.minimum,
    solve: (counted) => {
      const { solved, recipe } = solveFor(table, solver, counted);
      return { ...solved, recipe, counted: table.fixedBytes + solved.bytes };
    },
    layOut: async ({ choices }) => {
      checkCancelled(context.token);
      const assignments = choices.filter((c) => c.encoding !== keep).map(({ name, encoding }) => ({ tensor: name, encoding }));
      return (await target.plan(assignments, `model.${target.format}`)).weightBytes;
    },
  });
  if (fileBytes > wanted) {
    const bits = perWeight(fileBytes, model.index).toFixed(2);
    throw new EngineError("bad-request", `The smallest possible is ${inMegabytes(fileBytes)} (${bits} bits per weight); ask for at least that, or loosen locks and limits.`, {
      file: model.index.path,
    });
  }
  const { recipe, error: squaredError, lowerBound, exact, choices } = found;
  return { recipe, byteLength: fileBytes, bitsPerWeight: perWeight(fileBytes, model.index), squaredError, lowerBound, exact, choices };
}

export async function pareto(request: SensitivityRequest, context: RecipeContext): Promise<ParetoResult> {
  const { target, table } = await prepared(request, context);
  const solver = prepare(table);
  const { bytes, error } = solver.paretoCurve();
  const curve = Array.from(bytes, (b, i) => ({ byteLength: table.fixedBytes + b, squaredError: error[i] }));
  const uniforms = uniformPoints(target, table).map((point) => {
    const budget = Math.max(solver.minimum, Math.min(point.byteLength - table.fixedBytes, solver.maximum));
    return { ...point, bestSquaredError: solver.solve(budget).error };
  });
  return { target: target.format, curve, uniforms };
}

/** Each uniform export by the same table; those that make nothing smaller are left out. */
function uniformPoints(target: RecipeTarget, table: SensitivityTable): Omit<UniformPoint, "bestSquaredError">[] {
  const items = budgetItems(table);
  return target.uniforms.flatMap(({ name, label }) => {
    const chosen = new Map(target.uniform(name).map((a) => [a.tensor, a.encoding]));
    let bytes = table.fixedBytes;
    let squaredError = 0;
    let changed = 0;
    const choices: number[] = [];
    for (const { name: tensor, candidates } of items) {
      const encoding = chosen.get(tensor);
      const found = encoding === undefined ? -1 : candidates.findIndex((c) => c.encoding === encoding);
      if (encoding !== undefined && found < 0 && !isFloat(encoding)) return [];
      if (found >= 0) changed++;
      const choice = found >= 0 ? found : candidates.findIndex((c) => c.encoding === keep);
      bytes += candidates[choice].bytes;
      squaredError += candidates[choice].error;
      choices.push(choice);
    }
    return changed ? [{ name, label, byteLength: bytes, squaredError, choices }] : [];
  });
}

export async function check(path: string, recipe: Recipe, { opener }: Pick<RecipeContext, "opener">): Promise<RecipeCheck> {
  const model = await opener.open(path);
  const targets = targetsOf(model);
  if (!targets.includes(recipe.target)) return wrongTarget(cannotBecome(model, recipe.target).message, targets);
  const target = await recipeTarget(model, recipe.target);
  return (await checkRecipe(model, target, recipe, await model.fingerprint())).check;
}

export async function facts(request: RecipeFactsRequest, { opener }: Pick<RecipeContext, "opener">): Promise<RecipeFacts> {
  const model = await opener.open(request.path);
  return recipeFacts(model, await recipeTarget(model, request.target), request, await model.fingerprint());
}

interface Prepared {
  readonly model: OpenModel;
  readonly target: RecipeTarget;
  readonly table: SensitivityTable;
}

async function prepared(request: SensitivityRequest, context: RecipeContext): Promise<Prepared> {
  const { opener, files } = context;
  const model = await opener.open(request.path);
  const target = await recipeTarget(model, request.target);
  if (target.tensors.length === 0) {
    const { label, quantizes } = opener.deps.formats.find((f) => f.name === target.format)!;
    throw new EngineError("unsupported", `The model has no tensor that could be made smaller: ${label} exports change ${quantizes}.`, {
      file: model.index.path,
    });
  }
  const fingerprint = await model.fingerprint();
  const kept = await recall(files, model.folder.path, fingerprint, target);
  if (kept) return { model, target, table: kept };
  if (request.rememberedOnly) {
    throw new EngineError("not-found", "The errors of this model's encodings were not measured yet.", { file: model.index.path });
  }
  const { token, now, onProgress } = context;
  const { keeper } = context;
  const table = await measureSensitivity({ model, target, fingerprint, keeper, pool: context.pool(), token, now, onProgress });
  await remember(files, model.folder.path, table);
  return { model, target, table };
}

const inMegabytes = (bytes: number) => (bytes < 1e5 ? `${bytes} bytes` : `${(bytes / 1e6).toPrecision(4)} MB`);
