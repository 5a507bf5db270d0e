import type { Engine, Progress } from "../core/api/engine";
import type { CancellationToken } from "../core/cancellation";
import { neverCancelled } from "../core/cancellation";
import { analyse } from "./analyse";
import { Calls } from "./calls";
import { compareModels } from "./compare";
import type { EngineDeps } from "./deps";
import { listEncodings } from "./encodingTable";
import { estimateExport } from "./estimateExport";
import { exportChoices } from "./exportChoices";
import { exportModel } from "./exportModel";
import type { Keeper } from "./kept";
import { ModelOpener } from "./openModel";
import { prepareExport } from "./preparedExport";
import * as recipes from "./recipes/recipes";
import { discardExport, interruptedExports } from "./resumeExport";
import type { Pool } from "./tasks";
import { runtimeRefusal } from "./uniformFindings";

export interface EngineHandle {
  readonly engine: Engine;
  /** Resolves once no call is winding down: after `dispose`, everything unfinished has then been removed. */
  idle(): Promise<void>;
}

/** The engine over whatever machine it is given. Worker threads start with the first call that computes. */
export function createEngine(deps: EngineDeps): EngineHandle {
  const calls = new Calls();
  const opener = new ModelOpener(deps);
  let started: Pool | undefined;
  const pool = () => (started ??= deps.createPool());

  const { results, digest } = deps;
  const keeper: Keeper = { results, digest, get build() { return deps.build; }, opener };

  const recipeContext = (onProgress: (progress: Progress) => void, token: CancellationToken): recipes.RecipeContext => ({
    opener, files: deps.files, keeper, pool, token, now: deps.now,
    onProgress: (progress) => void (token.isCancellationRequested || onProgress(progress)),
  });

  const engine: Engine = {
    device: async () => deps.device(),
    encodings: async () => listEncodings(),
    open: (path, token = neverCancelled) => calls.run(token, "at-once", async () => (await opener.open(path)).index),
    analyse: (request, onEvent, token = neverCancelled) =>
      calls.run(token, "at-once", async (token) => {
        const model = await opener.open(request.path);
        return analyse({ model, request, keeper, pool, token, now: deps.now, onEvent });
      }),
    compare: ({ pathA, pathB }, onEvent, token = neverCancelled) =>
      calls.run(token, "at-once", async (token) => {
        const [a, b] = [await opener.open(pathA), await opener.open(pathB)];
        return compareModels({ a, b, pool: pool(), token, now: deps.now, onEvent });
      }),
    exportChoices: (path, token = neverCancelled) =>
      calls.run(token, "at-once", async (token) => exportChoices(await opener.open(path), runtimeRefusal, token)),
    sensitivity: (request, onProgress, token = neverCancelled) =>
      calls.run(token, "at-once", (token) => recipes.sensitivity(request, recipeContext(onProgress, token))),
    plan: (request, onProgress, token = neverCancelled) =>
      calls.run(token, "at-once", (token) => recipes.plan(request, recipeContext(onProgress, token))),
    pareto: (request, onProgress, token = neverCancelled) =>
      calls.run(token, "at-once", (token) => recipes.pareto(request, recipeContext(onProgress, token))),
    check: (path, recipe, token = neverCancelled) => calls.run(token, "at-once", () => recipes.check(path, recipe, { opener })),
    recipeFacts: (request, token = neverCancelled) => calls.run(token, "at-once", () => recipes.facts(request, { opener })),
    export: (request, onProgress, token = neverCancelled) =>
      calls.run(token, "when-clean", async (token, isStopped) => {
        const { files, build, journals, now } = deps;
        return exportModel({ request, opener, files, build, digest, journals, pool, token, isStopped, now, onProgress });
      }),
    exportWarnings: (request, token = neverCancelled) =>
      calls.run(token, "at-once", async () => (await prepareExport(request, { opener, files: deps.files })).warnings),
    estimate: (request, token = neverCancelled) =>
      calls.run(token, "at-once", async (token) => {
        const { files, build, journals, now } = deps;
        return estimateExport({ request, opener, files, build, digest, journals, pool, token, now });
      }),
    interruptedExports: (token = neverCancelled) => calls.run(token, "at-once", () => interruptedExports(deps)),
    discardExport: (output, token = neverCancelled) => calls.run(token, "when-clean", () => discardExport(output, deps)),
    dispose() {
      calls.stop();
      started?.dispose();
      started = undefined;
    },
  };
  return { engine, idle: () => calls.idle() };
}
