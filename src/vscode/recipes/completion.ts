import type { TensorRole } from "../../core/model";
import { keep } from "../../core/recipe";
import { encodings } from "../../encodings/index";
import { encodingWithGroup } from "../../budget/apply";
import { methods } from "../../methods/index";
import { bitsText, bytesText, count } from "../text";
import type { Draft, DraftRule } from "./draft";
import { type Slot, slotAt } from "./place";
import { patternsOf } from "./patterns";
import { type Knowledge, outcomeOf, reachOf, selectedBy, usualGroups, wantedBy } from "./reach";
import { bitsOf, code, decibels, errorText, known, sizeText } from "./words";

export interface RecipeCompletion {
  readonly label: string;
  /** The value's JSON; `snippet` has places to fill in. */
  readonly insert: string;
  readonly snippet?: boolean;
  /** Beside the label, and below it in Markdown. */
  readonly detail?: string;
  readonly documentation?: string;
  /** Order among the others. */
  readonly sort: string;
  readonly kind: "pattern" | "tensor" | "encoding" | "method" | "value" | "rule";
}

export interface RecipeCompletions {
  /** What the choice replaces. */
  readonly offset: number;
  readonly length: number;
  readonly items: readonly RecipeCompletion[];
}

export interface CompletionContext {
  readonly draft: Draft;
  readonly knowledge?: Knowledge;
}

/** What recipes can offer at the place beyond the schema; undefined where that is nothing. */
export function completionsAt(text: string, offset: number, context: CompletionContext): RecipeCompletions | undefined {
  const slot = slotAt(text, offset);
  const items = slot && offers(slot, context);
  return items?.length ? { offset: slot!.offset, length: slot!.length, items } : undefined;
}

function offers(slot: Slot, context: CompletionContext): readonly RecipeCompletion[] {
  if (slot.subject === "option") return optionOffers(slot, context);
  if (slot.subject === "rule") return slot.key ? [] : ruleOffers(context);
  if (slot.key) return [];
  switch (slot.subject) {
    case "match":
      return matchOffers(slot, context);
    case "encoding":
      return encodingOffers(slot, context);
    case "group":
      return groupOffers(slot, context);
    case "method":
      return methodOffers(slot, context);
    default:
      return [];
  }
}

const ruleOf = ({ rule }: Slot, { draft }: CompletionContext): DraftRule => draft.rules[rule!] ?? { fallback: [] };
const order = (i: number) => String(i).padStart(5, "0");
const quoted = (value: string) => JSON.stringify(value);

/** Names in the model, and patterns that stand for many of them. */
function matchOffers(slot: Slot, context: CompletionContext): RecipeCompletion[] {
  const { knowledge } = context;
  if (!knowledge) return [{ label: "*", insert: quoted("*"), detail: "every tensor", sort: order(0), kind: "pattern" }];
  const { role } = ruleOf(slot, context);
  const tensors = knowledge.facts.tensors.filter((t) => role === undefined || t.role === role);
  return patternsOf(tensors).map(({ pattern, what, tensors: found }, i) => {
    const bytes = found.reduce((sum, t) => sum + t.byteLength, 0);
    const size = `${found.length > 1 ? `${count(found.length, "tensor")}, ` : ""}${bytesText(bytes)}`;
    return {
      label: pattern,
      insert: quoted(pattern),
      detail: `${what} · ${size}`,
      sort: order(i),
      kind: found.length > 1 || pattern.includes("*") ? "pattern" : "tensor",
    };
  });
}

/** Encodings that the rule's tensors can take in the target, the smallest first; of others those that the target lists. */
function encodingOffers(slot: Slot, context: CompletionContext): RecipeCompletion[] {
  const { draft, knowledge } = context;
  const rule = ruleOf(slot, context);
  const kept: RecipeCompletion = {
    label: keep,
    insert: quoted(keep),
    detail: "as it is",
    documentation: "The tensor stays as it is.",
    sort: order(99_999),
    kind: "encoding",
  };
  if (!knowledge) {
    const listed = encodings.filter((e) => e.encode && e.targets.length && (!draft.target || e.targets.includes(draft.target)));
    const sorted = [...listed].sort((a, b) => bitsOf(a) - bitsOf(b));
    return [...sorted.map((e, i) => encodingOffer(e.name, i, bitsText(bitsOf(e)))), kept];
  }
  const { selected, decided } = reachOf(draft, slot.rule!, knowledge.facts);
  const tensors = decided.length ? decided : selected.length ? selected : knowledge.facts.tensors;
  const names = new Set(tensors.flatMap((t) => knowledge.facts.kinds[t.kind].map((k) => k.encoding)));
  const options = [...names]
    .filter((name) => name !== keep && known(name))
    .map((name) => ({ name, outcome: outcomeOf(tensors, [encodingWithGroup(name, undefined)], knowledge) }))
    .sort((a, b) => a.outcome.refused.length - b.outcome.refused.length || a.outcome.bytes - b.outcome.bytes);
  const offers = options.map(({ name, outcome }, i) => {
    const { error, refused, taken } = outcome;
    const loss = error.relative !== undefined && error.relative > 0 && !error.missing ? ` · ${decibels(error.relative)}` : "";
    const detail = refused.length
      ? `${bitsText(bitsOf(known(name)!))} · not for ${refused.length} of ${tensors.length}`
      : `${bitsText((8 * outcome.bytes) / Math.max(1, outcome.elements))} · ${bytesText(outcome.bytes)}${loss}`;
    const about = `${count(taken.length, "tensor")}: ${sizeText(outcome)}; ${errorText(error, taken.length)}.`;
    return encodingOffer(name, i, detail, about);
  });
  const written = new Set(wantedBy(rule));
  return [...offers.filter((o) => slot.item === undefined || !written.has(o.label)), kept];
}

function encodingOffer(name: string, i: number, detail: string, about?: string): RecipeCompletion {
  const { label, description } = known(name)!;
  const documentation = [`**${label}**: ${description}.`, ...(about ? [about] : [])].join("\n\n");
  return { label: name, insert: quoted(name), detail, documentation, sort: order(i), kind: "encoding" };
}

/** Groups that make an encoding which the rule's tensors can take. */
function groupOffers(slot: Slot, context: CompletionContext): RecipeCompletion[] {
  const { knowledge } = context;
  const rule = ruleOf(slot, context);
  const { encoding } = rule;
  if (encoding === undefined || encoding === keep) return [];
  return usualGroups.flatMap((group, i): RecipeCompletion[] => {
    const name = encodingWithGroup(encoding, group);
    const found = known(name);
    if (!found) return [];
    const outcome = knowledge && outcomeOf(selectedBy(rule, knowledge.facts), [name], knowledge);
    if (outcome && (outcome.refused.length || !outcome.taken.length)) return [];
    const detail = `${name} · ${bitsText(bitsOf(found))}${outcome ? ` · ${bytesText(outcome.bytes)}` : ""}`;
    return [{ label: String(group), insert: String(group), detail, sort: order(i), kind: "value" }];
  });
}

/** Methods that can produce the rule's encoding. */
function methodOffers(slot: Slot, context: CompletionContext): RecipeCompletion[] {
  const [name] = wantedBy(ruleOf(slot, context));
  const encoding = name === undefined ? undefined : known(name);
  return methods
    .filter((m) => !encoding || m.supports(encoding))
    .map(({ name: method, label, description }, i) => ({
      label: method,
      insert: quoted(method),
      detail: label,
      documentation: `${description}.`,
      sort: order(i),
      kind: "method",
    }));
}

/** Names of the method's options, and what each may be. */
function optionOffers(slot: Slot, context: CompletionContext): RecipeCompletion[] {
  const method = methods.find((m) => m.name === ruleOf(slot, context).method);
  if (!method) return [];
  const names = slot.key ? Object.keys(method.options) : (method.options[slot.item as string] ?? []);
  return names.map((name, i) => ({
    label: name,
    insert: slot.key ? `${quoted(name)}: ${quoted(method.options[name][0])}` : quoted(name),
    sort: order(i),
    kind: "value",
  }));
}

const usualEncodings = { gguf: "q4_K", onnx: "int4-g32", safetensors: "int4-g128" } as const;

/** A whole rule, to be filled in; for the roles that people treat apart, with those. */
function ruleOffers({ draft, knowledge }: CompletionContext): RecipeCompletion[] {
  const encoding = usualEncodings[draft.target ?? "gguf"];
  const fields = (match: string, extra = "") => `{ "match": ${match}${extra}, "encoding": "\${2:${encoding}}" }`;
  const roles = new Set((knowledge?.facts.tensors ?? []).map((t) => t.role));
  const apart: readonly TensorRole[] = ["embedding", "head", "v", "down"];
  return [
    { label: "rule", insert: fields('"${1:*}"'), detail: "tensors by name", sort: order(0) },
    ...apart
      .filter((role) => roles.has(role))
      .map((role, i) => ({
        label: `rule for ${role}`,
        insert: fields('"*"', `, "role": ${quoted(role)}`),
        detail: `tensors by role`,
        documentation: `Every tensor with the role ${code(role)}.`,
        sort: order(i + 1),
      })),
  ].map((offer): RecipeCompletion => ({ ...offer, snippet: true, kind: "rule" }));
}
