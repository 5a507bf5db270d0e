import type { TensorRole } from "../core/model";
import { encoding as knownEncoding } from "../encodings/index";
import { methods, optionProblems } from "../methods/index";
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
  /** Why it cannot, as half a sentence: "its rows of 96 weights do not divide into blocks of 256". */
  refusal?(encoding: string): string | undefined;
}

/** What is known of the model beside the tensors that could be quantized. */
export interface RecipeModel {
  readonly fingerprint?: string;
  /** Names of tensors that stay as they are in this target, whatever a recipe says. */
  readonly fixed?: readonly string[];
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
  readonly code:
    | "no-match"
    | "shadowed"
    | "unknown-encoding"
    | "cannot-hold"
    | "fell-back"
    | "other-model"
    | "unknown-method"
    | "method-mismatch"
    | "unknown-option";
  readonly message: string;
  readonly path: JsonPath;
  /** Names of the tensors that it is about, where it is about some. */
  readonly tensors?: readonly string[];
}

export interface AppliedRecipe {
  /** One per tensor, in the tensors' order. */
  readonly assignments: readonly Assignment[];
  readonly diagnostics: readonly RecipeDiagnostic[];
}

type Say = (
  severity: "error" | "warning",
  code: RecipeDiagnostic["code"],
  path: JsonPath,
  message: string,
  tensors?: readonly string[],
) => void;

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
export function applyRecipe(recipe: Recipe, tensors: readonly RecipeTensor[], model?: RecipeModel): AppliedRecipe {
  const diagnostics: RecipeDiagnostic[] = [];
  const say: Say = (severity, code, path, message, about) =>
    diagnostics.push({ severity, code, path, message, ...(about && { tensors: about }) });

  const made = recipe.model?.fingerprint;
  if (made !== undefined && model?.fingerprint !== undefined && made !== model.fingerprint) {
    const which = recipe.model?.name ? ` (${recipe.model.name})` : "";
    say("warning", "other-model", ["model", "fingerprint"], `This recipe was made for another model${which}.`);
  }
  recipe.rules.forEach((rule, r) => checkRule(rule, r, say));
  const unknown = new Set(diagnostics.filter((d) => d.code === "unknown-encoding").map((d) => d.path[1]));

  const winner = winners(recipe.rules, tensors, say, model?.fixed ?? []);
  const misfits = new Map<number, RecipeTensor[]>();
  const moved = new Map<string, string[]>();
  const assignments = tensors.map((tensor): Assignment => {
    const r = winner.get(tensor.name);
    if (r === undefined) return { tensor: tensor.name, encoding: keep };
    const rule = recipe.rules[r];
    const wanted = [rule.encoding, ...(rule.fallback ?? [])].map((e) => (e === keep ? e : encodingWithGroup(e, rule.group)));
    const offered = wanted.map((e) => heldAs(tensor, e));
    const found = offered.find((e) => e !== undefined);
    if (found === undefined) {
      misfits.set(r, [...(misfits.get(r) ?? []), tensor]);
      return { tensor: tensor.name, encoding: keep, rule: r };
    }
    if (offered[0] === undefined) moved.set(`${r} ${found}`, [...(moved.get(`${r} ${found}`) ?? []), tensor.name]);
    return {
      tensor: tensor.name,
      encoding: found,
      rule: r,
      ...(rule.method !== undefined && { method: rule.method }),
      ...(rule.options && { options: rule.options }),
    };
  });
  for (const [r, unfit] of misfits) {
    if (unknown.has(r)) continue;
    const rule = recipe.rules[r];
    const wanted = encodingWithGroup(rule.encoding, rule.group);
    const why = unfit[0].refusal?.(wanted);
    const names = unfit.map((t) => t.name);
    const advice = rule.fallback ? "choose another encoding or fallback" : "choose another encoding, or add a fallback";
    say(
      "error",
      "cannot-hold",
      ["rules", r, "encoding"],
      `${some(names)} cannot be stored as ${wanted}${why ? `: ${why}` : ""}; ${advice}.`,
      names,
    );
  }
  for (const [key, names] of moved) {
    const [r, found] = key.split(" ");
    const becomes = found !== keep ? `will be ${found}` : names.length === 1 ? "stays as it is" : "stay as they are";
    const message = `${some(names)} cannot take ${recipe.rules[Number(r)].encoding} and ${becomes}.`;
    say("warning", "fell-back", ["rules", Number(r), "fallback"], message, names);
  }
  return { assignments, diagnostics };
}

/** The rule that each tensor follows, by its name; says which rules have nothing to do. */
function winners(
  rules: readonly RecipeRule[],
  tensors: readonly RecipeTensor[],
  say: Say,
  fixed: readonly string[],
): Map<string, number> {
  const winner = new Map<string, number>();
  const idle = new Set<number>();
  rules.forEach((rule, r) => {
    const hits = select({ match: rule.match, role: rule.role }, tensors);
    for (const i of hits) winner.set(tensors[i].name, r);
    if (hits.length) return;
    idle.add(r);
    say("error", "no-match", ["rules", r, "match"], noMatch(rule, tensors, fixed));
  });
  const used = new Set(winner.values());
  rules.forEach((rule, r) => {
    if (used.has(r) || idle.has(r)) return;
    say("warning", "shadowed", ["rules", r], `Later rules decide about every tensor that "${rule.match}" matches.`);
  });
  return winner;
}

function noMatch({ match, role }: RecipeRule, tensors: readonly RecipeTensor[], fixed: readonly string[]): string {
  if (role !== undefined && select({ match }, tensors).length > 0) {
    return `None of the tensors that "${match}" matches has the role ${role}; leave the role out or choose another.`;
  }
  const kept = select(
    { match },
    fixed.map((name) => ({ name })),
  ).map((i) => fixed[i]);
  if (kept.length) return `"${match}" matches only what an export keeps as it is (${some(kept)}); remove the rule.`;
  const example = tensors[0] ? `; names look like ${tensors[0].name}` : "";
  return `"${match}" matches no tensor that can be quantized${example}.`;
}

function checkRule(rule: RecipeRule, r: number, say: Say): void {
  [rule.encoding, ...(rule.fallback ?? [])].forEach((name, i) => {
    if (name === keep) return;
    const path = i === 0 ? ["rules", r, "encoding"] : ["rules", r, "fallback", i - 1];
    const problem = encodingProblem(encodingWithGroup(name, rule.group));
    if (problem !== undefined) say("error", "unknown-encoding", path, problem);
  });
  if (rule.method !== undefined) checkMethod(rule, r, say);
  else if (rule.options && Object.keys(rule.options).length > 0) {
    say("error", "unknown-option", ["rules", r, "options"], "Options belong to a method; name the method, or remove them.");
  }
}

function checkMethod({ encoding: name, method: wanted, options, group }: RecipeRule, r: number, say: Say): void {
  const found = methods.find((m) => m.name === wanted);
  if (!found) {
    const names = methods.map((m) => m.name).join(", ");
    return say("error", "unknown-method", ["rules", r, "method"], `There is no method called "${wanted}"; there are ${names}.`);
  }
  const full = encodingWithGroup(name, group);
  if (name === keep || encodingProblem(full) !== undefined) return;
  if (!found.supports(knownEncoding(full))) {
    const message = `The method ${found.name} cannot produce ${full}; leave the method out, or choose another encoding.`;
    say("error", "method-mismatch", ["rules", r, "method"], message);
  }
  for (const problem of optionProblems(found, options))
    say("error", "unknown-option", ["rules", r, "options", problem.name], problem.message);
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
export function heldAs(tensor: RecipeTensor, encoding: string): string | undefined {
  if (encoding === keep) return keep;
  const { candidates } = tensor;
  if (candidates) return candidates.find((c) => c.toLowerCase() === encoding.toLowerCase()) ?? tensor.held?.(encoding);
  return encodingProblem(encoding) === undefined ? knownEncoding(encoding).name : undefined;
}

/** "a", "a and b", "a and 11 others". */
export function some(names: readonly string[]): string {
  return names.length === 1
    ? names[0]
    : names.length === 2
      ? names.join(" and ")
      : `${names[0]} and ${names.length - 1} others`;
}
