import { readFile, stat } from "node:fs/promises";
import { longestRecipe, parseRecipe } from "../budget/recipe";
import { EngineError, toEngineError } from "../core/errors";
import type { Recipe } from "../core/recipe";

/** Reads and checks a *.bitlens.json. */
export async function readRecipe(file: string): Promise<Recipe> {
  try {
    const facts = await stat(file);
    if (!facts.isFile()) throw new EngineError("bad-request", "The recipe is no file; name a *.bitlens.json.", { file });
    if (facts.size > 4 * longestRecipe) throw new EngineError("too-large", "The file is too large for a recipe.", { file });
    return parseRecipe(await readFile(file, "utf8"), file);
  } catch (error) {
    throw toEngineError(error, { file });
  }
}
