import { bytes, digits, many } from "./numbers";
import { exportTarget } from "./exportTarget";
import { print } from "./output";
import { ProgressLine } from "./progressLine";
import { printable } from "./table";
import { withEngine } from "./withEngine";

export interface ExportOptions {
  readonly model: string;
  readonly encoding: string;
  readonly group?: string;
  readonly asymmetric: boolean;
  readonly output: string;
  readonly threads?: number;
}

/** `bitlens export`: writes the quantized copy. */
export async function exportCommand(options: ExportOptions): Promise<void> {
  await withEngine({ threads: options.threads }, async (engine, token) => {
    const { formats } = await import("../formats/index");
    const index = await engine.open(options.model, token);
    const format = formats.find((f) => f.name === index.format)!;
    // A Hugging Face folder can also become a GGUF.
    const containers = index.format === "safetensors" ? [format, formats.find((f) => f.name === "gguf")!] : [format];
    const encoding = exportTarget(options, containers.flatMap((f) => f.exportTargets.map((t) => t.name)), format.label);
    const line = new ProgressLine();
    const request = { path: options.model, encoding, output: options.output };
    const result = await engine.export(request, (p) => line.update(p), token).finally(() => line.clear());
    const { output, files, byteLength, bitsPerWeight, tensorCount, notes } = result;
    await print([
      `${output}: ${bytes(byteLength)} in ${many(files.length, "file")}, ${digits(bitsPerWeight)} bits per weight, ${many(tensorCount, "tensor")} as ${encoding}\n`,
      ...notes.map((note) => `note: ${note}\n`),
    ].map((text) => printable(text.trimEnd()) + "\n"));
  });
}
