import type { TensorRole } from "../core/model";
import { encoding as knownEncoding } from "../encodings/index";
import { methods } from "../methods/index";
import { select } from "./items";
import type { JsonPath } from "./json";
import { keep, type Recipe, type RecipeRule } from "./recipe";

/** A tensor that could be quantized, and the encodings that its target can hold it in. */
export interface RecipeTensor {
  readonly name: string;
  readonly role?: TensorRole;
  /** Lower-case comparison; when absent, every known encoding is taken to fit. */
  readonly candidates?: readonly string[];
  /** The full name of an encoding beyond the candidates that the tensor can take; undefined where it cannot. */
  held?(encoding: string): string | undefined;
}

export interface Assignment {
  readonly tensor: string;
  /** The encoding's full name, group included, or "keep". */
  readonly encoding: string;
  readonly method?: string;
  readonly options?: Readonly<Record<string, unknown>>;
  /** Index of the rule that won; undefined where none matched (the tensor is kept). */
  readonly rule?: number;
}

/** Something a person should mend or know, at a place in the recipe. */
export interface RecipeDiagnostic {
  readonly severity: "error" | "warning";
  readonly code: "no-match" | "shadowed" | "unknown-encoding" | "unknown-method" | "cannot-hold" | "fell-back" | "other-model";
  readonly message: string;
  readonly path: JsonPath;
}

export interface AppliedRecipe {
  /** One per tensor, in the tensors' order. */
  readonly assignments: readonly Assignment[];
  readonly diagnostics: readonly RecipeDiagnostic[];
}

/** "int4-asym" with group 64 → "int4-g64-asym": the group takes the place of one that the name has, else the second place. */
export function encodingWithGroup(encoding: string, group: number | undefined): string {
  if (group === undefined) return encoding;
  const [family, ...rest] = encoding.split("-");
  return [family, `g${group}`, ...rest.filter((part) => !/^(g\d+|channel|row)$/.test(part))].join("-");
}

/**
 * Which rule each tensor follows: of those that select it, the last. A rule whose encoding a tensor cannot take tries its
 * fallbacks; when none fits the tensor is kept and there is an error. Never throws: everything wrong is a diagnostic.
 */
export function applyRecipe(
  recipe: Recipe,
  tensors: readonly RecipeTensor[],
  model?: { readonly fingerprint?: string },
): AppliedRecipe {
  const diagnostics: RecipeDiagnostic[] = [];
  const say = (severity: "error" | "warning", code: RecipeDiagnostic["code"], path: JsonPath, message: string) =>
    diagnostics.push({ severity, code, path, message });

  const made = recipe.model?.fingerprint;
  if (made !== undefined && model?.fingerprint !== undefined && made !== model.fingerprint) {
    say(
      "warning",
      "other-model",
      ["model", "fingerprint"],
      `This recipe was made for another model${recipe.model?.name ? ` (${recipe.model.name})` : ""}.`,
    );
  }
  recipe.rules.forEach((rule, r) => checkRule(rule, r, say));

  const winner = new Map<string, number>();
  recipe.rules.forEach((rule, r) => {
    const hits = select({ match: rule.match, role: rule.role }, tensors).map((i) => tensors[i]);
    if (hits.length === 0) {
      const example = tensors[0] ? `; names look like ${tensors[0].name}` : "";
      say("error", "no-match", ["rules", r, "match"], `"${rule.match}" matches no tensor that can be quantized${example}.`);
    }
    for (const { name } of hits) winner.set(name, r);
  });
  const used = new Set(winner.values());
  recipe.rules.forEach((rule, r) => {
    const silent = diagnostics.some((d) => d.code === "no-match" && d.path[1] === r);
    if (!used.has(r) && !silent)
      say("warning", "shadowed", ["rules", r], `Later rules decide about every tensor that "${rule.match}" matches.`);
  });

  const misfits = new Map<number, string[]>();
  const moved = new Map<string, string[]>();
  const assignments = tensors.map((tensor): Assignment => {
    const r = winner.get(tensor.name);
    if (r === undefined) return { tensor: tensor.name, encoding: keep };
    const rule = recipe.rules[r];
    const wanted = [rule.encoding, ...(rule.fallback ?? [])].map((e) => (e === keep ? e : encodingWithGroup(e, rule.group)));
    const offered = wanted.map((e) => heldAs(tensor, e));
    const found = offered.find((e) => e !== undefined);
    if (found === undefined) {
      misfits.set(r, [...(misfits.get(r) ?? []), tensor.name]);
      return { tensor: tensor.name, encoding: keep, rule: r };
    }
    if (offered[0] === undefined)
      moved.set(`${r} ${found}`, [...(moved.get(`${r} ${found}`) ?? []), tensor.name]);
    return {
      tensor: tensor.name,
      encoding: found,
      rule: r,
      ...(rule.method !== undefined && { method: rule.method }),
      ...(rule.options && { options: rule.options }),
    };
  });
  for (const [r, names] of misfits) {
    const rule = recipe.rules[r];
    if (diagnostics.some((d) => d.code === "unknown-encoding" && d.path[1] === r)) continue;
    say(
      "error",
      "cannot-hold",
      ["rules", r, "encoding"],
      `${some(names)} cannot be stored as ${encodingWithGroup(rule.encoding, rule.group)}; add a fallback.`,
    );
  }
  for (const [key, names] of moved) {
    const [r, found] = key.split(" ");
    say(
      "warning",
      "fell-back",
      ["rules", Number(r), "fallback"],
      `${some(names)} cannot take ${recipe.rules[Number(r)].encoding} and will be ${found}.`,
    );
  }
  return { assignments, diagnostics };
}

function checkRule(
  rule: RecipeRule,
  r: number,
  say: (severity: "error" | "warning", code: RecipeDiagnostic["code"], path: JsonPath, message: string) => void,
): void {
  [rule.encoding, ...(rule.fallback ?? [])].forEach((encoding, i) => {
    if (encoding === keep) return;
    const full = encodingWithGroup(encoding, rule.group);
    const path = i === 0 ? ["rules", r, "encoding"] : ["rules", r, "fallback", i - 1];
    const problem = encodingProblem(full);
    if (problem !== undefined) say("error", "unknown-encoding", path, problem);
  });
  if (rule.method !== undefined && !methods.some((m) => m.name === rule.method)) {
    const names = methods.map((m) => m.name).join(", ");
    say("error", "unknown-method", ["rules", r, "method"], `There is no method called "${rule.method}"; there are ${names}.`);
  }
}

/** Why there is no such encoding, with the nearest names; undefined when there is one. */
function encodingProblem(name: string): string | undefined {
  try {
    knownEncoding(name);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The encoding's own spelling when the tensor can take it. */
function heldAs(tensor: RecipeTensor, encoding: string): string | undefined {
  if (encoding === keep) return keep;
  const { candidates } = tensor;
  if (candidates) return candidates.find((c) => c.toLowerCase() === encoding.toLowerCase()) ?? tensor.held?.(encoding);
  return encodingProblem(encoding) === undefined ? knownEncoding(encoding).name : undefined;
}

/** "a", "a and b", "a and 11 others". */
function some(names: readonly string[]): string {
  return names.length === 1 ? names[0] : names.length === 2 ? names.join(" and ") : `${names[0]} and ${names.length - 1} others`;
}
