import { EngineError } from "../../core/errors";
import type { FormatName, TensorInfo } from "../../core/model";
import { keep } from "../../core/recipe";
import { encoding as encodingNamed, encodingFacts } from "../../encodings/index";
import type { Assignment, Format } from "../../formats/format";
import { gguf } from "../../formats/gguf";
import { conversionProblem, prepareConversion } from "../../graph/huggingface/toGguf";
import type { PlannedExport } from "../exportChoices";
import { sizedPlan } from "../exportChoices";
import { matrixView } from "../matrix";
import type { OpenModel } from "../openModel";

/** A tensor that a recipe may change, and what it may become. */
export interface QuantizableTensor {
  readonly info: TensorInfo;
  /** Bytes in the output when nothing is done to it. */
  readonly keptBytes: number;
  /** Encodings smaller than that, with the bytes they take there. */
  readonly candidates: readonly { readonly encoding: string; readonly bytes: number }[];
}

/** A model on its way into a container: what may be chosen, and the layout of any choice. */
export interface RecipeTarget {
  readonly format: FormatName;
  readonly tensors: readonly QuantizableTensor[];
  /** What a uniform export gives each tensor, for comparing. Empty when it changes nothing. */
  uniform(name: string): readonly Assignment[];
  /** The encoding that a recipe may give this tensor by name though plans do not choose it; undefined where it cannot be held. */
  held(tensor: TensorInfo, encoding: string): string | undefined;
  /** Why not, as half a sentence about the tensor. */
  refusal(tensor: TensorInfo, encoding: string): string | undefined;
  /** What its usual quantizer takes where rows do not fill an encoding's blocks. */
  readonly fallbacks: ReadonlyMap<string, string>;
  /** Bytes of the tensor in an encoding that it can take. */
  bytesOf(tensor: TensorInfo, encoding: string): number;
  /** The container's uniform exports. */
  readonly uniforms: Format["exportTargets"];
  plan(assignments: readonly Assignment[], outputName: string): Promise<PlannedExport>;
}

/** GGUF pads every tensor to this. */
const ggufAlignment = 32;

/** Every container that the model can be written as, its own first. */
export function targetsOf({ format, index }: OpenModel): FormatName[] {
  return format.name === "safetensors" && conversionProblem(index) === undefined ? ["safetensors", "gguf"] : [format.name];
}

/** Throws "bad-request" for a container that the model cannot go to. */
export async function recipeTarget(model: OpenModel, format: FormatName): Promise<RecipeTarget> {
  if (format === model.format.name) return nativeTarget(model);
  if (targetsOf(model).includes(format)) return conversionTarget(model);
  throw cannotBecome(model, format);
}

/** "unsupported" for an architecture that has no conversion yet, "bad-request" otherwise. */
export function cannotBecome(model: OpenModel, format: FormatName): EngineError {
  const { format: own, index } = model;
  const problem = format === "gguf" && own.name === "safetensors" ? conversionProblem(index) : undefined;
  if (problem) return new EngineError("unsupported", problem, { file: index.path });
  const message = `${own.name === "onnx" ? "An" : "A"} ${own.label} model cannot become ${format}; it can be written as ${targetsOf(model).join(" or ")}.`;
  return new EngineError("bad-request", message, { file: index.path });
}

function nativeTarget(model: OpenModel): RecipeTarget {
  const { format, index, folder } = model;
  const uniform = (name: string) => format.assign(index, name, encodingFacts).assignments;
  return {
    format: format.name,
    tensors: quantizable(model, format, uniform, (t) => t.byteLength),
    uniforms: format.exportTargets,
    uniform,
    ...holding(model, format),
    async plan(assignments, outputName) {
      const plan = await format.planWrite({ folder, index, assignments, target: "recipe", outputName, facts: encodingFacts });
      return sizedPlan(model, plan, { outputName, changed: assignments.length, notes: plan.notes });
    },
  };
}

async function conversionTarget(model: OpenModel): Promise<RecipeTarget> {
  const prepared = await prepareConversion(model.folder, model.index);
  const uniform = (name: string) => prepared.assign(name, encodingFacts);
  // What is not assigned keeps a 16- or 32-bit float type.
  const kept = (t: TensorInfo) => t.elementCount * (t.storage?.encoding === "f16" || t.storage?.encoding === "bf16" ? 2 : 4);
  return {
    format: "gguf",
    tensors: quantizable(model, gguf, uniform, kept),
    uniforms: gguf.exportTargets,
    uniform,
    ...holding(model, gguf),
    async plan(assignments, outputName) {
      const { plan, encodedCount, written: _, ...rest } = prepared.planAssigned(assignments, outputName, encodingFacts);
      return { ...rest, plan, format: "gguf", changed: encodedCount, weightBytes: plan.files.reduce((sum, f) => sum + f.byteLength, 0) };
    },
  };
}

/** What tensors of the model can be in this format, by name. */
function holding({ index }: OpenModel, format: Format): Pick<RecipeTarget, "held" | "refusal" | "fallbacks" | "bytesOf"> {
  const columnsOf = (tensor: TensorInfo) => matrixView(tensor, index.format).columns;
  return {
    held(tensor, encoding) {
      if (!isWritable(encoding)) return undefined;
      const found = format.recipeEncoding?.(tensor, encoding, encodingFacts);
      return found !== undefined && found === tensor.storage?.encoding ? keep : found;
    },
    refusal(tensor, encoding) {
      if (!isWritable(encoding)) return "it can be read, but not written";
      const why = format.recipeRefusal?.(tensor, encoding);
      const { blockElements } = encodingNamed(encoding);
      const columns = columnsOf(tensor);
      return why ?? (columns % blockElements ? `rows of ${columns} weights do not divide into blocks of ${blockElements}` : undefined);
    },
    fallbacks: format.fallbacks ?? new Map(),
    bytesOf: (tensor, encoding) => storedBytes(format, encoding, matrixView(tensor, index.format)),
  };
}

const isWritable = (encoding: string): boolean => {
  try {
    return encodingNamed(encoding).encode !== undefined;
  } catch {
    return false;
  }
};

function storedBytes(format: Format, encoding: string, shape: { readonly rows: number; readonly columns: number }): number {
  const stored = format.storedBytes?.(encoding, shape, encodingFacts);
  return stored ?? padded(format.name, encodingFacts.planeBytes(encoding, shape.rows, shape.columns).reduce((a, b) => a + b, 0));
}

function quantizable(
  { index }: OpenModel, format: Format, uniform: (name: string) => readonly Assignment[], keptBytes: (tensor: TensorInfo) => number,
): QuantizableTensor[] {
  const names = new Map<string, Set<string>>();
  for (const target of format.exportTargets) {
    if (target.alone) continue;
    for (const { tensor, encoding } of uniform(target.name)) names.set(tensor, (names.get(tensor) ?? new Set()).add(encoding));
  }
  return index.tensors.flatMap((info): QuantizableTensor[] => {
    const given = names.get(info.name);
    if (!given || info.elementCount === 0) return [];
    const { rows, columns } = matrixView(info, index.format);
    const kept = padded(format.name, keptBytes(info));
    const wanted = new Set([...(format.recipeEncodings ? [] : given), ...(format.recipeEncodings ?? [])]);
    const candidates = [...wanted]
      .filter((encoding) => encodingFacts.fits(encoding, columns))
      .map((encoding) => ({ encoding, bytes: storedBytes(format, encoding, { rows, columns }) }))
      .filter(({ bytes }) => bytes < kept)
      .sort((a, b) => a.bytes - b.bytes);
    return candidates.length ? [{ info, keptBytes: kept, candidates }] : [];
  });
}

const padded = (format: FormatName, bytes: number) => (format === "gguf" ? Math.ceil(bytes / ggufAlignment) * ggufAlignment : bytes);
