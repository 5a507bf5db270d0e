import { type Command, InvalidArgumentError, Option } from "commander";
import type { PlanOptions } from "./plan";

const noBounds = { lock: [], minBits: [], maxBits: [] };
const containers = ["gguf", "onnx", "safetensors"];

/** `plan`, `pareto` and `check`: the bit budget. */
export function addBudgetCommands(program: Command, threads: () => Option): void {
  program
    .command("plan")
    .summary("the recipe of least error within a size")
    .description("Measure every tensor in every encoding of the target (once; it is remembered), and write the recipe of least total error that fits.")
    .argument("<MODEL>", "model file or folder")
    .addOption(target())
    .option("--size <SIZE>", "all weight files together: 2.1MB, 4GiB, 900000", sizeOf)
    .option("--bpw <BITS>", "bits per weight over the whole model", positive)
    .option("--lock <GLOB=ENCODING>", "tensors that must take an encoding, or \"keep\"; may be repeated", collect)
    .option("--min-bits <GLOB=BITS>", "least bits per weight of some tensors, scales included (BITS alone: of all); may be repeated", collect)
    .option("--max-bits <GLOB=BITS>", "most bits per weight, likewise", collect)
    .requiredOption("-o, --output <RECIPE>", "recipe file to write (*.bitlens.json), or - for standard output")
    .addOption(threads())
    .action(async (model: string, options: Omit<PlanOptions, "model">) => (await import("./plan")).plan({ ...noBounds, ...options, model }));

  program
    .command("pareto")
    .summary("size against error: the best recipes and the uniform exports")
    .description("Print the curve of best assignments, and where the uniform exports and named mixes stand beside it.")
    .argument("<MODEL>", "model file or folder")
    .addOption(target())
    .option("--json", "print one JSON document instead of a table")
    .addOption(threads())
    .action(async (model: string, options: { target?: string; json?: boolean; threads?: number }) =>
      (await import("./pareto")).pareto({ ...options, model, json: options.json === true }));

  program
    .command("check")
    .summary("does a recipe fit a model, and will the result load?")
    .description("Check a recipe against a model and its runtimes, and print the size it gives. Reads headers only.")
    .argument("<RECIPE>", "recipe file")
    .argument("<MODEL>", "model file or folder")
    .option("--json", "print one JSON document")
    .action(async (recipe: string, model: string, options: { json?: boolean }) =>
      (await import("./check")).check({ recipe, model, json: options.json === true }));
}

function target(): Option {
  return new Option("--target <FORMAT>", "container of the result (default: the model's own)").choices(containers);
}

const units: Readonly<Record<string, number>> = { "": 1, b: 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30, tib: 2 ** 40 };

export function sizeOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?i?b)?$/i.exec(text.trim());
  const unit = match ? units[(match[2] ?? "").toLowerCase()] : undefined;
  if (!match || unit === undefined) throw new InvalidArgumentError("Give a size such as 2.1MB, 4GiB or 900000.");
  return Math.floor(Number(match[1]) * unit);
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 64)) throw new InvalidArgumentError("Give bits per weight, such as 4.25.");
  return value;
}

function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}
