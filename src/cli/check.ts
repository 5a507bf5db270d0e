import type { RecipeFinding, RecipeFix } from "../core/api/engine";
import { describeFinding } from "../core/findings";
import { formatPath } from "../budget/json";
import { bytes, digits, many } from "./numbers";
import { print } from "./output";
import { readRecipe } from "./recipeFile";
import { printable } from "./table";
import { withEngine } from "./withEngine";

export interface CheckOptions {
  readonly recipe: string;
  readonly model: string;
  readonly json: boolean;
}

/** `bitlens check`: exit status 1 when the recipe has an error. */
export async function check({ recipe, model, json }: CheckOptions): Promise<void> {
  await withEngine({}, async (engine, token) => {
    const result = await engine.check(model, await readRecipe(recipe), token);
    const errors = result.findings.filter((f) => f.severity === "error").length;
    if (errors) process.exitCode = 1;
    if (json) return print([JSON.stringify(result, undefined, 2) + "\n"]);
    await print([
      ...result.findings.map(finding),
      result.byteLength === undefined
        ? `${many(errors, "error")}; nothing can be written.\n`
        : `${bytes(result.byteLength)}, ${digits(result.bitsPerWeight!)} bits per weight, ${many(result.tensorCount!, "tensor")} change.\n`,
    ]);
  });
}

function finding(found: RecipeFinding): string {
  const { severity, path, fixes = [] } = found;
  const place = path.length ? ` at ${formatPath(path)}` : "";
  const lines = [`${severity}${place}: ${describeFinding(found)}`, ...fixes.map(remedy)];
  return lines.map((line) => `${printable(line)}\n`).join("");
}

/** "  → use q5_0". */
const remedy = ({ title }: RecipeFix) => `  → ${title[0].toLowerCase()}${title.slice(1)}`;
