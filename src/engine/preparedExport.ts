import type { ExportRequest } from "../core/api/engine";
import { EngineError } from "../core/errors";
import type { Recipe } from "../core/recipe";
import type { OutputFile } from "../formats/format";
import type { EngineFiles, OutputPlace } from "./deps";
import { type ExportOption, exportOption, type PlannedExport } from "./exportChoices";
import { type ChosenMethods, type ExportJob, exportJobs } from "./exportJobs";
import type { ModelOpener, OpenModel } from "./openModel";
import { outputPlace, refuseOverwriting } from "./outputPlace";
import { checkRecipe } from "./recipes/check";
import { recipeTarget } from "./recipes/target";
import { TensorSources } from "./tensorSource";

/** An export that is laid out and may be written. The same request on the same files gives the same, in the same order. */
export interface PreparedExport {
  readonly model: OpenModel;
  readonly place: OutputPlace;
  readonly planned: PlannedExport;
  /** The main file first. */
  readonly outputs: readonly OutputFile[];
  readonly jobs: readonly ExportJob[];
  readonly byteLength: number;
}

/** Reads headers only, writes nothing. Throws what keeps the export from being written. */
export async function prepareExport(request: ExportRequest, { opener, files }: { opener: ModelOpener; files: EngineFiles }): Promise<PreparedExport> {
  const model = await opener.open(request.path);
  const option: AnyOption = request.recipe ? await recipeOption(model, request.recipe) : exportOption(model, request.encoding);
  const format = opener.deps.formats.find((f) => f.name === option.format) ?? model.format;
  const place = await outputPlace(files, model, format, request.output);
  const outputName = place.kind === "file" ? place.name : `model${format.extensions[0]}`;
  const planned = await option.plan(outputName);
  const { plan } = planned;
  const names = [outputName, ...plan.files.map((f) => f.name).filter((n) => n !== outputName)];
  const outputs = names.flatMap((name) => plan.files.filter((f) => f.name === name));
  await refuseOverwriting(files, model, place, outputs);
  const jobs = await exportJobs(outputs, new TensorSources(model), option.methods);
  return { model, place, planned, outputs, jobs, byteLength: outputs.reduce((sum, f) => sum + f.byteLength, 0) };
}

interface AnyOption extends Pick<ExportOption, "format"> {
  readonly methods?: ChosenMethods;
  plan(outputName: string): Promise<PlannedExport>;
}

/** A recipe as an export that can be laid out; its first error is thrown. */
async function recipeOption(model: OpenModel, recipe: Recipe): Promise<AnyOption> {
  const target = await recipeTarget(model, recipe.target);
  const { check, assignments, methods } = await checkRecipe(model, target, recipe, await model.fingerprint());
  const error = check.findings.find((f) => f.severity === "error");
  if (error) throw new EngineError("bad-request", error.message, { file: model.index.path });
  const warnings = check.findings.map((f) => f.message);
  return {
    format: target.format,
    methods,
    async plan(outputName) {
      const planned = await target.plan(assignments, outputName);
      return { ...planned, notes: [...warnings, ...planned.notes] };
    },
  };
}
