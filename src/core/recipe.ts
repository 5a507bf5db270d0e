import type { FormatName, TensorRole } from "./model";

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
