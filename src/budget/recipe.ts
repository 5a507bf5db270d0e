import { EngineError } from "../core/errors";
import type { FormatName, TensorRole } from "../core/model";
import { JsonReader } from "./json";
import { matcher } from "./patterns";
import { formatNames, tensorRoles } from "./sensitivity";

/** The word for "leave this tensor as it is". */
export const keep = "keep";

/** What to do to the tensors that it selects. A later rule wins over an earlier one. */
export interface RecipeRule {
  /** Name pattern: `*` also matches dots and slashes; {a,b} and [0-9] as in a shell. */
  readonly match: string;
  /** Only tensors with this role. */
  readonly role?: TensorRole;
  /** An encoding's name, or "keep". */
  readonly encoding: string;
  /** Tried in order where a tensor cannot take the encoding (row lengths); without one that is an error. */
  readonly fallback?: readonly string[];
  /** Weights that share a scale: replaces the group in the encoding's name ("int4" with 64 is "int4-g64"). */
  readonly group?: number;
  /** Chooses the values; the encoding's usual one when absent. */
  readonly method?: string;
  /** The method's own options. */
  readonly options?: Readonly<Record<string, unknown>>;
}

/** Contents of a *.bitlens.json file. Plain data; media/recipe.schema.json describes it for editors. */
export interface Recipe {
  readonly $schema?: string;
  /** Version of the recipe format. */
  readonly bitlens: 1;
  readonly target: FormatName;
  readonly description?: string;
  /** The model it was made for; another one gives a warning. */
  readonly model?: { readonly name?: string; readonly fingerprint?: string };
  /** Reserved: rotations, pruning and slicing before quantization. Empty today. */
  readonly transforms: readonly [];
  readonly rules: readonly RecipeRule[];
}

/** Characters of a recipe, and rules in it: one per tensor of a large mixture of experts fits. */
export const longestRecipe = 20_000_000;
const mostRules = 100_000;

/** EngineError "malformed" that names the field ("rules[2].match"); `file` is for the message. */
export function parseRecipe(text: string, file?: string): Recipe {
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
  return {
    ...given(root, "$schema", (r) => r.text()),
    bitlens: 1,
    target: root.field("target").oneOf(formatNames),
    ...given(root, "description", (r) => r.text(10_000)),
    ...(model.present && {
      model: {
        ...given(model.only(["name", "fingerprint"]), "name", (r) => r.text()),
        ...given(model, "fingerprint", (r) => r.text()),
      },
    }),
    transforms: [],
    rules: root.field("rules").items(mostRules).map(parseRule),
  };
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

/** As people read it: two spaces, one rule per line. */
export function serializeRecipe(recipe: Recipe): string {
  const { rules, ...head } = recipe;
  const start = JSON.stringify(head, undefined, 2).replace(/\n}$/, "");
  const list = rules.map((rule) => `    ${JSON.stringify(rule)}`).join(",\n");
  return `${start},\n  "rules": [${list ? `\n${list}\n  ` : ""}]\n}\n`;
}
