import type { ExportWarning } from "../core/api/engine";
import { EngineError, toEngineError } from "../core/errors";
import { describeFinding } from "../core/findings";
import { keep } from "../core/recipe";
import { bitsPerWeight, encoding as encodingNamed } from "../encodings/index";
import { type ExportOption, exportOptions, type UniformExport } from "./exportChoices";
import type { OpenModel } from "./openModel";
import { fileFindings, loadFindings, type RuleFinding } from "./recipes/loadRules";

/**
 * Will it load? What the runtimes of its container do with a uniform export, as warnings. Throws "bad-request" where one
 * refuses the file, with the rule's sentence and the encoding nearest in bits that it takes.
 */
export async function uniformWarnings(model: OpenModel, option: ExportOption, planned: UniformExport): Promise<ExportWarning[]> {
  const found = findings(model, planned);
  const error = found.find((f) => f.severity === "error");
  if (!error) return [...found, ...fileFindings(planned, model.index.files.length)];
  const other = await nearestThatLoads(model, option, planned);
  const advice = other === undefined ? "keep these tensors by a recipe" : `choose ${other} instead`;
  throw new EngineError("bad-request", describeFinding(error, advice), { file: model.index.path, tensor: error.tensors[0] });
}

/** The first sentence of a runtime that refuses the export, with its name; undefined where none does. */
export function runtimeRefusal(model: OpenModel, planned: UniformExport): string | undefined {
  const error = findings(model, planned).find((f) => f.severity === "error");
  return error && describeFinding({ message: error.message, runtime: error.runtime });
}

function findings({ index }: OpenModel, { format, assigned, omitted = [] }: UniformExport): RuleFinding[] {
  const left = new Set(omitted);
  const encodings = new Map(assigned.flatMap(({ encoding, tensors }) => tensors.map((i) => [index.tensors[i].name, encoding] as const)));
  return loadFindings(format, {
    tensors: index.tensors.filter((_, i) => !left.has(i)),
    metadata: index.metadata,
    encodingOf: (name) => encodings.get(name) ?? keep,
    // Remedies give single tensors another encoding, which a uniform export cannot.
    holds: () => false,
  });
}

/** By the bits of what most tensors become: the file's size also counts what an encoding leaves as it is. */
async function nearestThatLoads(model: OpenModel, { name, format }: ExportOption, wanted: UniformExport): Promise<string | undefined> {
  let nearest: { readonly name: string; readonly distance: number } | undefined;
  for (const option of exportOptions(model)) {
    if (option.name === name || option.format !== format) continue;
    const planned = await option.plan(`model.${format}`).catch((error) => {
      if (toEngineError(error).code === "unsupported") return undefined;
      throw error;
    });
    if (!planned?.assigned.length || findings(model, planned).some((f) => f.severity === "error")) continue;
    // By tenths of a bit: of those as near, the one listed first is the usual one.
    const distance = Math.round(10 * Math.abs(mainBits(planned) - mainBits(wanted)));
    if (!nearest || distance < nearest.distance) nearest = { name: option.name, distance };
  }
  return nearest?.name;
}

/** A long row and a tall matrix, in which scales per row do not count. */
const typical = 4096;

function mainBits({ assigned }: UniformExport): number {
  const [most] = [...assigned].sort((a, b) => b.tensors.length - a.tensors.length);
  return bitsPerWeight(encodingNamed(most.encoding), typical, typical);
}
