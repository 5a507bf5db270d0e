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
      ...result.findings.map(({ severity, message, path, runtime, source }) => {
        const place = path.length ? ` at ${path.map((p) => (typeof p === "number" ? `[${p}]` : `.${p}`)).join("").replace(/^\./, "")}` : "";
        return printable(`${severity}${place}: ${message}${runtime ? ` (${runtime}: ${source})` : ""}`) + "\n";
      }),
      result.byteLength === undefined
        ? `${many(errors, "error")}; nothing can be written.\n`
        : `${bytes(result.byteLength)}, ${digits(result.bitsPerWeight!)} bits per weight, ${many(result.tensorCount!, "tensor")} change.\n`,
    ]);
  });
}
