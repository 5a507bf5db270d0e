import type { ModelIndex } from "../core/model";
import { bytes, digits, many } from "./numbers";
import { exportTarget, type TargetOptions } from "./exportTarget";
import { print } from "./output";
import { ProgressLine } from "./progressLine";
import { UsageError } from "./outcome";
import { readRecipe } from "./recipeFile";
import { printable } from "./table";
import { withEngine } from "./withEngine";

export interface ExportOptions {
  readonly model: string;
  /** One of the two. */
  readonly encoding?: string;
  readonly recipe?: string;
  readonly group?: string;
  readonly asymmetric: boolean;
  readonly output: string;
  readonly threads?: number;
}

/** `bitlens export`: writes the quantized copy. */
export async function exportCommand(options: ExportOptions): Promise<void> {
  if ((options.encoding === undefined) === (options.recipe === undefined)) {
    throw new UsageError("Say what to write: --encoding for the whole model, or --recipe (see: bitlens plan).");
  }
  if (options.recipe !== undefined && (options.group !== undefined || options.asymmetric)) {
    throw new UsageError("--group and --asymmetric go with --encoding; a recipe says both itself.");
  }
  await withEngine({ threads: options.threads }, async (engine, token) => {
    const choice = options.recipe !== undefined
      ? { recipe: await readRecipe(options.recipe) }
      : { encoding: await encodingOf({ ...options, encoding: options.encoding! }, await engine.open(options.model, token)) };
    const line = new ProgressLine();
    const request = { path: options.model, output: options.output, ...choice };
    const result = await engine.export(request, (p) => line.update(p), token).finally(() => line.clear());
    const { output, byteLength, bitsPerWeight, tensorCount, notes } = result;
    const as = "encoding" in choice ? choice.encoding : options.recipe;
    await print([
      `${output}: ${bytes(byteLength)}, ${digits(bitsPerWeight)} bits per weight, ${many(tensorCount, "tensor")} as ${as}\n`,
      ...notes.map((note) => `note: ${note}\n`),
    ].map((text) => printable(text.trimEnd()) + "\n"));
  });
}

/** The uniform export that the options name; a Hugging Face folder can also become a GGUF. */
async function encodingOf(options: TargetOptions, { format: name }: ModelIndex): Promise<string> {
  const { formats } = await import("../formats/index");
  const format = formats.find((f) => f.name === name)!;
  const containers = name === "safetensors" ? [format, formats.find((f) => f.name === "gguf")!] : [format];
  return exportTarget(options, containers.flatMap((f) => f.exportTargets.map((t) => t.name)), format.label);
}
