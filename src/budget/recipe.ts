import { EngineError, toEngineError } from "../core/errors";
import type { Recipe, RecipeRule } from "../core/recipe";
import { JsonReader } from "./json";
import { matcher } from "./patterns";
import { formatNames, tensorRoles } from "./sensitivity";

export { keep, type Recipe, type RecipeRule } from "../core/recipe";

/** Characters of a recipe, and rules in it: one per tensor of a large mixture of experts fits. */
export const longestRecipe = 20_000_000;
const mostRules = 100_000;

/** EngineError "malformed" that names the field ("rules[2].match"); `file` is for the message. */
export function parseRecipe(text: string, file?: string): Recipe {
  const { recipe, faults } = parseSoundRules(text, file);
  if (faults.length) throw faults[0].error;
  return recipe;
}

/** A recipe under work: the rules that can be read, and what is wrong with the others. */
export interface SoundRules {
  readonly recipe: Recipe;
  /** Place in the text of each rule of `recipe`. */
  readonly places: readonly number[];
  /** By place, "malformed" each. */
  readonly faults: readonly { readonly place: number; readonly error: EngineError }[];
}

/** The same where only single rules are at fault; what is wrong outside the rules is thrown. */
export function parseSoundRules(text: string, file?: string): SoundRules {
  const root = JsonReader.parse(text, { what: "recipe", limit: longestRecipe, file });
  const version = root.field("bitlens");
  if (!version.present) version.fail("1: the version of the recipe format");
  if (version.value !== 1) version.fail("1 (this Bitlens knows no other version)");
  root.only(["$schema", "bitlens", "target", "description", "model", "transforms", "rules"]);
  const transforms = root.field("transforms");
  if (transforms.present && transforms.items(100).length > 0) {
    throw new EngineError("unsupported", "The recipe asks for transforms, which this version cannot do yet; remove them.", {
      file,
    });
  }
  const model = root.field("model");
  const head = {
    ...given(root, "$schema", (r) => r.text()),
    bitlens: 1 as const,
    target: root.field("target").oneOf(formatNames),
    ...given(root, "description", (r) => r.text(10_000)),
    ...(model.present && {
      model: {
        ...given(model.only(["name", "fingerprint"]), "name", (r) => r.text()),
        ...given(model, "fingerprint", (r) => r.text()),
      },
    }),
    transforms: [] as const,
  };
  const rules: RecipeRule[] = [];
  const places: number[] = [];
  const faults: { place: number; error: EngineError }[] = [];
  for (const [place, reader] of root.field("rules").items(mostRules).entries()) {
    try {
      rules.push(parseRule(reader));
      places.push(place);
    } catch (error) {
      faults.push({ place, error: toEngineError(error) });
    }
  }
  return { recipe: { ...head, rules }, places, faults };
}

function parseRule(r: JsonReader): RecipeRule {
  r.only(["match", "role", "encoding", "fallback", "group", "method", "options"]);
  const match = r.field("match").text();
  try {
    matcher(match);
  } catch {
    r.field("match").fail("a tensor name pattern with balanced brackets");
  }
  return {
    match,
    ...given(r, "role", (f) => f.oneOf(tensorRoles)),
    encoding: r.field("encoding").text(100),
    ...given(r, "fallback", (f) => f.items(20).map((e) => e.text(100))),
    ...given(r, "group", (f) => f.integer(1, 1 << 20)),
    ...given(r, "method", (f) => f.text(100)),
    ...given(r, "options", (f) => f.record()),
  };
}

function given<K extends string, T>(parent: JsonReader, key: K, read: (reader: JsonReader) => T): { [P in K]?: T } {
  const reader = parent.field(key);
  return reader.present ? ({ [key]: read(reader) } as { [P in K]: T }) : {};
}

/** As people write it: a line for each field of the head and for each rule, and no empty list of transforms. */
export function serializeRecipe({ rules, model, transforms, ...head }: Recipe): string {
  const named = model && { name: model.name, fingerprint: model.fingerprint };
  const fields = Object.entries({ ...head, model: named, ...(transforms.length > 0 && { transforms }) });
  const start = fields.flatMap(([key, value]) => (value === undefined ? [] : `  ${JSON.stringify(key)}: ${oneLine(value)},\n`));
  const list = rules.map((rule) => `    ${oneLine(rule)}`).join(",\n");
  return `{\n${start.join("")}  "rules": [${list ? `\n${list}\n  ` : ""}]\n}\n`;
}

/** JSON on one line, with a space after each colon and comma and inside each pair of braces. */
function oneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(oneLine).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return fields.length ? `{ ${fields.map(([key, field]) => `${JSON.stringify(key)}: ${oneLine(field)}`).join(", ")} }` : "{}";
}
