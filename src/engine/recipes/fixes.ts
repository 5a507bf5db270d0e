import type { RecipeEdit, RecipeFix } from "../../core/api/engine";
import { nearest } from "../../core/nearest";
import { keep, type Recipe, type RecipeRule } from "../../core/recipe";
import { encoding as encodingNamed, encodings, nearNames } from "../../encodings/index";
import { methods } from "../../methods/index";
import { encodingWithGroup, heldAs, type AppliedRecipe, type RecipeDiagnostic, type RecipeTensor } from "../../budget/apply";
import { familyOf } from "../../budget/compress";
import { select } from "../../budget/items";
import { patternFor } from "../../budget/patternOf";
import { placeInName } from "../../graph/names";
import { blockRole, outerRole } from "../../graph/roleNames";
import { allHold, alternatives } from "./alternatives";
import type { Remedy } from "./loadRules";
import type { RecipeTarget } from "./target";

/** What fixes are made from. */
export interface FixContext {
  readonly recipe: Recipe;
  readonly applied: AppliedRecipe;
  readonly target: RecipeTarget;
  readonly tensors: readonly RecipeTensor[];
  readonly model: { readonly name: string; readonly fingerprint: string };
}

const removeRule = (r: number): RecipeFix => ({ title: "Remove the rule", edits: [{ path: ["rules", r] }] });

/** Ways to mend what a recipe says wrong, best first. */
export function fixesFor(diagnostic: RecipeDiagnostic, context: FixContext): readonly RecipeFix[] {
  const [, r] = diagnostic.path as [string, number];
  const rule = context.recipe.rules[r];
  switch (diagnostic.code) {
    case "no-match":
      return [...matching(rule, r, context), removeRule(r)];
    case "shadowed":
      return [removeRule(r)];
    case "unknown-encoding":
      return nearEncodings(diagnostic, rule, r, context);
    case "cannot-hold":
      return otherEncodings(diagnostic, rule, r, context);
    case "unknown-method":
      return [
        ...nearest(rule.method!, supporting(rule))
          .slice(0, 2)
          .map((name) => use(name, ["rules", r, "method"])),
        removeMethod(r),
      ];
    case "method-mismatch":
      return [removeMethod(r)];
    case "unknown-option":
      return optionFixes(diagnostic, rule);
    case "other-model":
      return otherModel(context);
    case "fell-back":
      return [];
  }
}

const use = (name: string, path: readonly (string | number)[]): RecipeFix => ({
  title: `Use ${name}`,
  edits: [{ path, value: name }],
});

const removeMethod = (r: number): RecipeFix => ({ title: "Leave the method out", edits: [{ path: ["rules", r, "method"] }] });

function optionFixes({ path }: RecipeDiagnostic, { method }: RecipeRule): RecipeFix[] {
  const name = path[3] as string | undefined;
  const known = methods.find((m) => m.name === method)?.options ?? {};
  const values = name !== undefined && Object.hasOwn(known, name) ? known[name] : [];
  const remove = name === undefined ? "Remove the options" : `Remove the option ${name}`;
  return [...values.map((value) => use(value, path)), { title: remove, edits: [{ path }] }];
}

/** Another encoding for a rule: a group that changes the present one's name does not belong to the new one. */
function useEncoding(name: string, rule: RecipeRule, r: number): RecipeFix {
  const edits: RecipeEdit[] = [{ path: ["rules", r, "encoding"], value: name }];
  if (rule.group !== undefined) edits.push({ path: ["rules", r, "group"] });
  if (rule.method !== undefined && name !== keep && !supporting({ encoding: name }).includes(rule.method))
    edits.push({ path: ["rules", r, "method"] });
  return { title: `Use ${name}`, edits };
}

function supporting({ encoding, group }: Pick<RecipeRule, "encoding" | "group">): string[] {
  const full = encodingWithGroup(encoding, group);
  try {
    const found = encodingNamed(full);
    return methods.filter((m) => m.supports(found)).map((m) => m.name);
  } catch {
    return methods.map((m) => m.name);
  }
}

/** Names that the rule's tensors can take, within a few letters; any names where there are none. */
function nearEncodings({ path }: RecipeDiagnostic, rule: RecipeRule, r: number, { tensors }: FixContext): RecipeFix[] {
  const isFirst = path[2] === "encoding";
  const written = isFirst ? rule.encoding : rule.fallback![path[3] as number];
  const about = select({ match: rule.match, role: rule.role }, tensors).map((i) => tensors[i]);
  const taken = nearest(
    written,
    encodings.map((e) => e.name),
  ).filter((name) => allHold(name, about));
  const names = taken.length ? taken.slice(0, 3) : nearNames(written);
  return names.map((name) => (isFirst ? useEncoding(name, rule, r) : use(name, path)));
}

/** A fallback where only some of the rule's tensors cannot take the encoding, else another encoding. */
function otherEncodings({ tensors: names }: RecipeDiagnostic, rule: RecipeRule, r: number, context: FixContext): RecipeFix[] {
  const { applied, target } = context;
  const unfit = new Set(names);
  const of = (chosen: (name: string) => boolean) => target.tensors.filter((t) => chosen(t.info.name));
  const decided = new Set(applied.assignments.filter((a) => a.rule === r).map((a) => a.tensor));
  const wanted = encodingWithGroup(rule.encoding, rule.group);
  const others = alternatives(
    wanted,
    of((name) => decided.has(name)),
    target,
  ).map((name) => useEncoding(name, rule, r));
  if (unfit.size === decided.size) return others.length ? others : fallbackTo(keep, rule, r);
  const fallbacks = alternatives(
    wanted,
    of((name) => unfit.has(name)),
    target,
    2,
  ).flatMap((name) => fallbackTo(name, rule, r));
  return [...(fallbacks.length ? fallbacks : fallbackTo(keep, rule, r)), ...others].slice(0, 3);
}

/** A group is the encoding's and its fallbacks' alike, so with one only "keep" can follow. */
function fallbackTo(name: string, { fallback, group }: RecipeRule, r: number): RecipeFix[] {
  if (group !== undefined && name !== keep) return [];
  const title = name === keep ? "Keep these tensors as they are" : `Fall back to ${name}`;
  return [{ title, edits: [{ path: ["rules", r, "fallback"], value: [...(fallback ?? []), name] }] }];
}

const mostCompared = 2000;
/** A block's number, or several, as a part of a pattern's path. */
const numberSet = /(^|[./])(\d+|\{[\d,]+\}|\[[\d-]+\])(?=[./]|$)/g;

/** Patterns of the model's own names that are near to one that matches nothing. */
function matching({ match, role }: RecipeRule, r: number, { tensors }: FixContext): RecipeFix[] {
  if (role !== undefined && select({ match }, tensors).length > 0) {
    const roles = [...new Set(select({ match }, tensors).map((i) => tensors[i].role!))];
    const only = roles.length === 1 ? [use(roles[0], ["rules", r, "role"])] : [];
    return [...only, { title: "Leave the role out", edits: [{ path: ["rules", r, "role"] }] }];
  }
  const families = [
    ...new Set(tensors.filter((t) => role === undefined || t.role === role).map((t) => familyOf(t.name))),
  ].slice(0, mostCompared);
  const wanted = match.replace(numberSet, "$1*");
  const near = nearest(wanted, families);
  // Another family of models calls it otherwise: "blk.*.attn_q.weight" and "model.layers.*.self_attn.q_proj.weight".
  const { stack, inBlock } = placeInName(wanted.replaceAll("*", "0"));
  const said = stack === undefined ? outerRole(inBlock) : blockRole(inBlock);
  const alike = said === undefined ? [] : [...new Set(tensors.filter((t) => t.role === said).map((t) => familyOf(t.name)))];
  const found = [...new Set([...alike.filter((f) => near.includes(f)), ...near, ...alike])].slice(0, 3);
  return found.map((family) => {
    const kept = withNumbers(match, family);
    const pattern = kept !== undefined && select({ match: kept, role }, tensors).length > 0 ? kept : family;
    return { title: `Match ${pattern}`, edits: [{ path: ["rules", r, "match"], value: pattern }] };
  });
}

/** The wanted pattern's block number or numbers in the place of the family's first star. */
function withNumbers(match: string, family: string): string | undefined {
  const numbers = match.matchAll(numberSet).next().value?.[2];
  return numbers && family.includes("*") ? family.replace("*", numbers) : undefined;
}

function otherModel({ recipe, model }: FixContext): RecipeFix[] {
  return [
    {
      title: `Make it a recipe for ${model.name}`,
      edits: [{ path: ["model"], value: { ...recipe.model, name: model.name, fingerprint: model.fingerprint } }],
    },
    { title: "Make it a recipe for any model", edits: [{ path: ["model"] }] },
  ];
}

/**
 * A remedy of a load rule as a change to the recipe: of the rule that decides about exactly these tensors, or by a new last rule
 * for them. Undefined where no pattern singles them out.
 */
export function remedyFix({ tensors: names, encoding }: Remedy, context: FixContext): RecipeFix | undefined {
  const { recipe, applied, tensors } = context;
  const wanted = new Set(names);
  const rules = new Set(applied.assignments.filter((a) => wanted.has(a.tensor)).map((a) => a.rule));
  const [only] = rules;
  if (rules.size === 1 && only !== undefined && applied.assignments.every((a) => a.rule !== only || wanted.has(a.tensor))) {
    const { edits } = useEncoding(encoding, recipe.rules[only], only);
    return { title: encoding === keep ? `Keep ${words(names)}` : `Use ${encoding} for ${words(names)}`, edits };
  }
  const match = patternFor(
    names,
    tensors.map((t) => t.name),
  );
  if (match === undefined) return undefined;
  const title = encoding === keep ? `Add a rule that keeps ${words(names)}` : `Add a rule: ${encoding} for ${words(names)}`;
  return { title, edits: [{ path: ["rules", recipe.rules.length], value: { match, encoding }, insert: true }] };
}

/** The tensor, or the modules that they are: "q_proj and k_proj", "12 tensors". */
function words(names: readonly string[]): string {
  if (names.length === 1) return names[0];
  const modules = [...new Set(names.map((name) => placeInName(name).module.split(".").pop()!))];
  return modules.length <= 2 ? modules.join(" and ") : `${names.length} tensors`;
}

export const isHeld = (tensor: RecipeTensor | undefined, encoding: string) =>
  tensor !== undefined && heldAs(tensor, encoding) !== undefined;
