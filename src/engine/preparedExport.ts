import type { ExportRequest, ExportWarning, RecipeFinding } from "../core/api/engine";
import { formatPath } from "../budget/json";
import { EngineError } from "../core/errors";
import { describeFinding } from "../core/findings";
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
import { uniformWarnings } from "./uniformFindings";

/** An export that is laid out and may be written. The same request on the same files gives the same, in the same order. */
export interface PreparedExport {
  readonly model: OpenModel;
  readonly place: OutputPlace;
  readonly planned: PlannedExport;
  /** The main file first. */
  readonly outputs: readonly OutputFile[];
  readonly jobs: readonly ExportJob[];
  readonly byteLength: number;
  /** What a person should know before it begins. */
  readonly warnings: readonly ExportWarning[];
}

/**
 * Reads headers only, writes nothing. Throws what keeps the export from being written, or its result from being loaded: every
 * export, whatever says its encodings, is asked here.
 */
export async function prepareExport(request: ExportRequest, { opener, files }: { opener: ModelOpener; files: EngineFiles }): Promise<PreparedExport> {
  const model = await opener.open(request.path);
  const option: AnyOption = request.recipe ? await recipeOption(model, request.recipe) : uniformOption(model, request.encoding);
  const format = opener.deps.formats.find((f) => f.name === option.format) ?? model.format;
  const place = await outputPlace(files, model, format, request.output);
  const outputName = place.kind === "file" ? place.name : `model${format.extensions[0]}`;
  const { warnings, ...planned } = await option.plan(outputName);
  const { plan } = planned;
  const names = [outputName, ...plan.files.map((f) => f.name).filter((n) => n !== outputName)];
  const outputs = names.flatMap((name) => plan.files.filter((f) => f.name === name));
  await refuseOverwriting(files, model, place, outputs);
  const jobs = await exportJobs(outputs, new TensorSources(model), option.methods);
  return { model, place, planned, outputs, jobs, byteLength: outputs.reduce((sum, f) => sum + f.byteLength, 0), warnings: warnings.map(plain) };
}

/** Without the names of tensors and the changes to a recipe, which may be many. */
const plain = ({ code, message, runtime, source }: ExportWarning): ExportWarning => ({ code, message, runtime, source });

interface AnyOption extends Pick<ExportOption, "format"> {
  readonly methods?: ChosenMethods;
  plan(outputName: string): Promise<PlannedExport & { readonly warnings: readonly ExportWarning[] }>;
}

function uniformOption(model: OpenModel, encoding: string): AnyOption {
  const option = exportOption(model, encoding);
  return {
    format: option.format,
    async plan(outputName) {
      const planned = await option.plan(outputName);
      return { ...planned, warnings: await uniformWarnings(model, option, planned) };
    },
  };
}

/** A recipe as an export that can be laid out; its first error is thrown. */
async function recipeOption(model: OpenModel, recipe: Recipe): Promise<AnyOption> {
  const target = await recipeTarget(model, recipe.target);
  const { check, assignments, methods } = await checkRecipe(model, target, recipe, await model.fingerprint());
  const error = check.findings.find((f) => f.severity === "error");
  if (error) {
    const message = `In the recipe, ${formatPath(error.path)}: ${describeFinding(error, adviceOf(error))}`;
    throw new EngineError("bad-request", message, { file: model.index.path });
  }
  return {
    format: target.format,
    methods,
    async plan(outputName) {
      return { ...(await target.plan(assignments, outputName)), warnings: check.findings };
    },
  };
}

/** What a recipe itself has wrong says what to change; a runtime's rule says what it minds, and its first fix the change. */
function adviceOf({ runtime, fixes = [] }: RecipeFinding): string | undefined {
  const [fix] = runtime ? fixes : [];
  return fix && `${fix.title[0].toLowerCase()}${fix.title.slice(1)}`;
}
