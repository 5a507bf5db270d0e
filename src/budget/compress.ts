import type { FormatName } from "../core/model";
import { applyRecipe, type RecipeTensor } from "./apply";
import { keep, type Recipe, type RecipeRule } from "./recipe";

export interface PlannedTensor {
  readonly name: string;
  readonly encoding: string;
  readonly method?: string;
}

export interface RecipeHead {
  readonly target: FormatName;
  readonly description?: string;
  readonly model?: { readonly name?: string; readonly fingerprint?: string };
}

/**
 * The shortest recipe we can find that gives exactly these assignments: the commonest encoding for everything, one rule for
 * each family of names that differ only in numbers and mostly take another one, then the exceptions, numbers in braces.
 * `others` are quantizable tensors that are not in the plan and stay as they are.
 */
export function recipeFromPlan(
  head: RecipeHead,
  planned: readonly PlannedTensor[],
  others: readonly RecipeTensor[] = [],
): Recipe {
  const base = { bitlens: 1, ...head, transforms: [] } as const;
  if (planned.length === 0) return { ...base, rules: [] };
  const all = [...planned, ...others.map(({ name }) => ({ name, encoding: keep }))];
  const choice = new Map(all.map((t) => [t.name, t]));
  const rules: RecipeRule[] = [];
  const usual = commonest(all);
  rules.push(rule("*", usual));
  const families = new Map<string, PlannedTensor[]>();
  for (const tensor of all) {
    const family = familyOf(tensor.name);
    families.set(family, [...(families.get(family) ?? []), tensor]);
  }
  const exceptions: RecipeRule[] = [];
  for (const [family, members] of families) {
    const here = members.length > 1 && isPlain(family) ? commonest(members) : usual;
    if (!same(here, usual)) rules.push(rule(family, here));
    exceptions.push(...bracedRules(members.filter((m) => !same(m, here))));
  }
  rules.push(...exceptions);
  // A star may reach further than its family; whatever came out wrong gets a rule with its whole name.
  const { assignments } = applyRecipe(
    { ...base, rules },
    all.map(({ name }) => ({ name })),
  );
  for (const { tensor, rule: r } of assignments) {
    const wanted = choice.get(tensor)!;
    const got = r === undefined ? undefined : rules[r];
    if (!got || !same(got, wanted)) rules.push(rule(tensor, wanted, true));
  }
  return { ...base, rules };
}

interface Choice {
  readonly encoding: string;
  readonly method?: string;
}

const keyOf = ({ encoding, method }: Choice) => `${encoding} ${method ?? ""}`;
const same = (a: Choice, b: Choice) => keyOf(a) === keyOf(b);

function rule(match: string, { encoding, method }: Choice, literal = false): RecipeRule {
  // The one name that cannot stand for itself.
  return { match: match === "*" && literal ? "[*]" : match, encoding, ...(method !== undefined && { method }) };
}

function commonest(tensors: readonly PlannedTensor[]): Choice {
  const counts = new Map<string, { choice: Choice; count: number }>();
  for (const tensor of tensors) {
    const entry = counts.get(keyOf(tensor)) ?? { choice: tensor, count: 0 };
    entry.count++;
    counts.set(keyOf(tensor), entry);
  }
  return [...counts.values()].reduce((a, b) => (b.count > a.count ? b : a)).choice;
}

/** "model.layers.3.mlp.up_proj.weight" → "model.layers.*.mlp.up_proj.weight": names that differ in numbers alone are a family. */
export const familyOf = (name: string): string => name.replace(/(?<=^|[./])\d+(?=[./]|$)/g, "*");

/** Can be part of a pattern: nothing in it that a pattern understands otherwise. */
export function isPlain(name: string): boolean {
  return /^[\w./:*-]+$/.test(name);
}

/** A pattern with more numbers would grow too long to be read. */
const mostNumbers = 100;

/** Names that differ in their last number alone and take the same choice, as one rule. */
function bracedRules(tensors: readonly PlannedTensor[]): RecipeRule[] {
  const groups = new Map<string, { before: string; after: string; numbers: string[]; tensor: PlannedTensor }>();
  for (const tensor of tensors) {
    const match =
      isPlain(tensor.name) && !tensor.name.includes("*") ? /^(.*(?:^|[./]))(\d+)((?:[./].*)?)$/.exec(tensor.name) : null;
    const [before, number, after] = match ? match.slice(1) : [tensor.name, "", ""];
    const key = `${keyOf(tensor)} ${before} ${match ? after : "="}`;
    const group = groups.get(key) ?? { before, after, numbers: [], tensor };
    group.numbers.push(number);
    groups.set(key, group);
  }
  return [...groups.values()].flatMap(({ before, after, numbers, tensor }) => {
    if (numbers.length === 1) return [rule(tensor.name, tensor, true)];
    const parts = Array.from({ length: Math.ceil(numbers.length / mostNumbers) }, (_, i) =>
      numbers.slice(i * mostNumbers, (i + 1) * mostNumbers),
    );
    return parts.map((part) => rule(`${before}${part.length === 1 ? part[0] : `{${part.join(",")}}`}${after}`, tensor));
  });
}
