import type { ModelFolder } from "../../core/bytes";
import type { ByteRange, TensorStorage } from "../../core/model";
import type { Problems } from "../problems";
import { quote } from "../text";
import { awq } from "./quantized/awq";
import { floatBlocks, integerScaled, packed } from "./quantized/compressedTensors";
import { gptq } from "./quantized/gptq";
import { Inconsistent, type Layout, type LayoutInput } from "./quantized/layout";
import { planesKey } from "./quantized/planeNames";
import { bitlensPlanes, readStatement } from "./quantized/planes";
import { readShapes } from "./quantized/shapes";
import { type ModelConfig, ownString } from "./config";
import type { PlacedTensor, Store } from "./store";

/** One weight that the file stores as several tensors. */
export interface LogicalTensor {
  /** "model.layers.0.mlp.up_proj.weight". */
  readonly name: string;
  /** Names of the stored tensors it is made of, the one with the codes first. */
  readonly parts: readonly string[];
  /** [out, in]. */
  readonly shape: readonly number[];
  /** "INT4 g128". */
  readonly label: string;
  readonly byteLength: number;
  readonly storage: TensorStorage;
}

/** Layouts in the order they are tried on a module's tensors. */
const layouts: readonly Layout[] = [packed, gptq, awq, integerScaled, floatBlocks, bitlensPlanes];

/** Ways to quantize that the layouts above cover, by config.json's quant_method. */
const knownMethods = new Set(["compressed-tensors", "gptq", "gptq_v2", "awq", "fp8", "fbgemm_fp8", "autofp8", planesKey]);

/**
 * Finds weights stored as codes with scales. What looks like one and is not consistent stays as its parts, with a problem.
 */
export async function findQuantized(
  folder: ModelFolder,
  store: Store,
  config: ModelConfig | undefined,
  problems: Problems,
): Promise<LogicalTensor[]> {
  const method = ownString(config?.quantization, "quant_method");
  const modules = candidates(store);
  if (!modules.length) {
    if (method)
      problems.add(
        "unknown-quantization",
        `config.json says the weights are quantized by ${quote(method)}, which is not understood; they are shown as stored.`,
      );
    return [];
  }
  if (method && !knownMethods.has(method)) {
    problems.add(
      "unknown-quantization",
      `config.json says the weights are quantized by ${quote(method)}, which is not understood; some may be shown wrongly.`,
    );
  }
  const shapes = await readShapes(folder, store);
  const statements = statementsOf(store);
  const found: LogicalTensor[] = [];
  for (const { module, layout, parts } of modules) {
    const stated = layout === bitlensPlanes ? statements(parts.get(bitlensPlanes.key)!.file)?.get(`${module}.weight`) : undefined;
    const input: LayoutInput = {
      module,
      parts,
      quantization: config?.quantization,
      method,
      shape: shapes.get(module),
      planes: stated,
      problems,
    };
    const ranges = (names: readonly string[]): ByteRange[] =>
      names.map((name) => {
        const { file, range } = parts.get(name)!;
        return { file, ...range! };
      });
    try {
      for (const [suffix, part] of parts) if (!part.range) throw new Inconsistent(`${suffix} has no valid place in the file`);
      const { planes, affine, encoding, label, shape } = layout.describe(input);
      const all = [...parts.values()];
      found.push({
        name: `${module}.weight`,
        parts: all.map((p) => p.name),
        shape,
        label,
        byteLength: all.reduce((sum, p) => sum + p.byteLength, 0),
        storage: { encoding: encoding ?? "affine", planes: ranges(planes), ...(affine && { affine }) },
      });
    } catch (error) {
      if (!(error instanceof Inconsistent)) throw error;
      problems.add(
        "inconsistent-quantization",
        `The quantized weight of ${quote(module)} is shown as its parts: ${error.message}.`,
        parts.values().next().value?.name,
      );
    }
  }
  return found;
}

/** What each file says of the weights in Bitlens' own layout, read where asked for. */
function statementsOf({ fileMetadata }: Store) {
  const read = new Map<number, ReturnType<typeof readStatement>>();
  return (file: number) => {
    const text = fileMetadata[file].find(([key]) => key === planesKey)?.[1];
    if (text !== undefined && !read.has(file)) read.set(file, readStatement(text));
    return read.get(file);
  };
}

/** Modules whose tensors have the names of a layout. */
function candidates(store: Store): { module: string; layout: Layout; parts: Map<string, PlacedTensor> }[] {
  const found: { module: string; layout: Layout; parts: Map<string, PlacedTensor> }[] = [];
  for (const name of store.tensors.keys()) {
    for (const layout of layouts) {
      if (!name.endsWith("." + layout.key)) continue;
      const module = name.slice(0, -layout.key.length - 1);
      const parts = new Map<string, PlacedTensor>();
      for (const suffix of [layout.key, ...layout.companions]) {
        const part = store.tensors.get(`${module}.${suffix}`);
        if (part) parts.set(suffix, part);
      }
      if (!layout.matches(parts)) continue;
      found.push({ module, layout, parts });
      break;
    }
  }
  return found;
}
