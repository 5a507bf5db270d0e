import type { RecipeCheck, RecipeFinding, RecipeFix } from "../../core/api/engine";
import type { SoundRules } from "../../budget/recipe";

type Path = RecipeFinding["path"];

/**
 * What can be said of a recipe while some of its rules cannot be read: the faults that the schema does not see, and what `check`
 * found about each other rule by itself, in its place. What a runtime does with all rules together, and how large the file will
 * be, shows when all can be read.
 */
export function partialFindings(sound: SoundRules, check: RecipeCheck | undefined): RecipeFinding[] {
  const total = sound.places.length + sound.faults.length;
  const placed = (path: Path): Path =>
    path[0] === "rules" && typeof path[1] === "number" ? ["rules", sound.places[path[1]] ?? total, ...path.slice(2)] : path;
  const moved = ({ title, edits }: RecipeFix): RecipeFix => ({ title, edits: edits.map((edit) => ({ ...edit, path: placed(edit.path) })) });
  const own = (check?.findings ?? []).filter((f) => f.runtime === undefined || f.code === "cannot-hold").filter((f) => !isAboutAll(f));
  return [
    ...sound.faults.flatMap(({ place, error }) => faultFinding(place, error.message)),
    ...own.map((f) => ({ ...f, path: placed(f.path), ...(f.fixes && { fixes: f.fixes.map(moved) }) })),
  ];
}

const isAboutAll = ({ path }: RecipeFinding) => path[0] === "rules" && path.length < 2;

/** The schema's own diagnostics say the rest, but it does not understand patterns. */
function faultFinding(place: number, message: string): RecipeFinding[] {
  return /^In the recipe, rules\[\d+\]\.match must be a tensor name pattern/.test(message)
    ? [{ severity: "error", code: "bad-pattern", message, path: ["rules", place, "match"] }]
    : [];
}
