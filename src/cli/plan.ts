import { rename, rm, stat, writeFile } from "node:fs/promises";
import * as path from "node:path";
import type { PlanRequest } from "../core/api/engine";
import { EngineError, toEngineError } from "../core/errors";
import type { FormatName } from "../core/model";
import { serializeRecipe } from "../budget/recipe";
import { cacheFolder } from "../node/storage";
import { bytes, digits, many } from "./numbers";
import { UsageError } from "./outcome";
import { print } from "./output";
import { ProgressLine } from "./progressLine";
import { readRecipe } from "./recipeFile";
import { printable, table } from "./table";
import { withEngine } from "./withEngine";

export interface PlanOptions {
  readonly model: string;
  readonly target?: string;
  /** Bytes. */
  readonly size?: number;
  readonly bpw?: number;
  readonly lock: readonly string[];
  /** "GLOB=4.5", or "4.5" for every tensor. */
  readonly minBits: readonly string[];
  readonly maxBits: readonly string[];
  readonly output: string;
  readonly threads?: number;
}

/** `bitlens plan`: writes the recipe and says what it costs. */
export async function plan(options: PlanOptions): Promise<void> {
  const { model, size, bpw, output } = options;
  if ((size === undefined) === (bpw === undefined)) throw new UsageError("Give the budget once, as --size or as --bpw.");
  const budget: PlanRequest["budget"] = size !== undefined ? { fileBytes: size } : { bitsPerWeight: bpw! };
  const locks = options.lock.map(lockOf);
  const limits = [
    ...options.minBits.map((text) => boundOf("--min-bits", text)).map(({ bits, ...of }) => ({ ...of, minBits: bits })),
    ...options.maxBits.map((text) => boundOf("--max-bits", text)).map(({ bits, ...of }) => ({ ...of, maxBits: bits })),
  ];
  if (output !== "-") await requirePlace(output);
  await withEngine({ threads: options.threads, storage: cacheFolder() }, async (engine, token) => {
    const index = await engine.open(model, token);
    const target = (options.target ?? index.format) as FormatName;
    const line = new ProgressLine();
    const result = await engine.plan({ path: model, target, budget, locks, limits }, (p) => line.update(p), token).finally(() => line.clear());
    const text = serializeRecipe(result.recipe);
    if (output === "-") return print([text]);
    await writeWhole(output, text);
    const counts = new Map<string, { tensors: number; bytes: number }>();
    for (const { encoding, bytes } of result.choices) {
      const row = counts.get(encoding) ?? { tensors: 0, bytes: 0 };
      counts.set(encoding, { tensors: row.tensors + 1, bytes: row.bytes + bytes });
    }
    await print([
      `${printable(output)}: ${bytes(result.byteLength)}, ${digits(result.bitsPerWeight)} bits per weight, squared error ${digits(result.squaredError)}` +
        `${result.exact ? ", the least possible" : `, at least ${digits(result.lowerBound)} is unavoidable`}\n\n`,
      table([
        { title: "encoding", text: ([name]) => name },
        { title: "tensors", align: "right", text: ([, c]) => many(c.tensors, "tensor") },
        { title: "size", align: "right", text: ([, c]) => bytes(c.bytes) },
      ], [...counts].sort(([, a], [, b]) => b.bytes - a.bytes)),
    ]);
  });
}

function lockOf(text: string): { match: string; encoding: string } {
  const at = text.lastIndexOf("=");
  if (at < 1 || at === text.length - 1) throw new UsageError(`A lock is written GLOB=ENCODING, such as '*.v_proj.*=q6_K'; this is "${text}".`);
  return { match: text.slice(0, at), encoding: text.slice(at + 1) };
}

/** "*.down_proj.*=6" is about some tensors, "3" about all. */
export function boundOf(option: string, text: string): { match?: string; bits: number } {
  const at = text.lastIndexOf("=");
  const bits = /^\d*\.?\d+$/.test(text.slice(at + 1)) ? Number(text.slice(at + 1)) : NaN;
  if (at === 0 || !(bits > 0 && bits <= 64)) {
    throw new UsageError(`${option} takes GLOB=BITS, such as '*.down_proj.*=6', or BITS for every tensor; this is "${text}".`);
  }
  return { ...(at > 0 && { match: text.slice(0, at) }), bits };
}

/** Before anything is measured: a recipe may be planned again, nothing else is replaced. */
async function requirePlace(file: string): Promise<void> {
  const refuse = (message: string, place = file) => new EngineError("bad-request", message, { file: place });
  const facts = await stat(file).catch(() => undefined);
  if (facts?.isDirectory()) throw refuse("The recipe would replace a folder; name a file.");
  if (facts?.isFile()) {
    await readRecipe(file).catch(() => {
      throw refuse("The output exists already and is no recipe; choose another name.");
    });
  } else if (facts) throw refuse("The output is no file; name one, or - for standard output.");
  const folder = path.dirname(path.resolve(file));
  if ((await stat(folder).catch(() => undefined))?.isDirectory()) return;
  throw refuse("The folder of the recipe does not exist; make it first, or choose another.", folder);
}

async function writeWhole(file: string, text: string): Promise<void> {
  const temporary = `${file}.${process.pid}.partial`;
  try {
    await writeFile(temporary, text);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    // Without the temporary name beside it.
    throw toEngineError(Object.assign(error as Error, { path: file }), { file });
  }
}
