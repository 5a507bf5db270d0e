import type { RecipeCheck } from "../../core/api/engine";
import type { FormatName } from "../../core/model";
import { keep } from "../../core/recipe";
import { encodingWithGroup } from "../../budget/apply";
import { defaultMethod, methods } from "../../methods/index";
import { bitsText, bytesText, count } from "../text";
import type { Draft } from "./draft";
import { type Place, valueAt } from "./place";
import { type Knowledge, type Outcome, outcomeOf, reachOf, wantedBy } from "./reach";
import { bitsOf, blockList, code, decibels, errorText, known, nameList, sizeText } from "./words";

export interface RecipeHover {
  readonly offset: number;
  readonly length: number;
  /** Markdown, in paragraphs; the only links are those handed in. */
  readonly paragraphs: readonly string[];
}

export interface HoverContext {
  readonly draft: Draft;
  /** Undefined while no model is open. */
  readonly knowledge?: Knowledge;
  readonly check?: RecipeCheck;
  /** The model's name as a person sees it. */
  readonly modelName?: string;
  /** Markdown link that measures what is not measured. */
  readonly measure?: string;
}

/** What the value under the pointer means for the model; undefined where there is nothing to say. */
export function hoverAt(context: HoverContext, offset: number): RecipeHover | undefined {
  const place = valueAt(context.draft, offset);
  const paragraphs = place && says(place, context);
  return paragraphs?.length ? { offset: place!.offset, length: place!.length, paragraphs } : undefined;
}

function says(place: Place, context: HoverContext): string[] {
  switch (place.subject) {
    case "match":
    case "role":
      return ruleText(place.rule!, context);
    case "encoding":
      return encodingText(place, context);
    case "group":
      return groupText(place, context);
    case "method":
    case "option":
      return methodText(place, context);
    case "target":
      return targetText(context);
    case "model":
      return modelText(context);
    case "rule":
      return [];
  }
}

const openModel = "Open the model that this recipe is for to see tensors, sizes and errors.";

/** What the rule reaches, and what becomes of it. */
function ruleText(r: number, { draft, knowledge, modelName, measure }: HoverContext): string[] {
  if (!knowledge) return [openModel];
  const { selected, decided } = reachOf(draft, r, knowledge.facts);
  if (!selected.length) return [`Matches no tensor of ${code(modelName ?? "the model")} that can be quantized.`];
  const labels = [...new Set(selected.map((t) => t.encodingLabel))].slice(0, 3).map(code).join(", ");
  const bytes = selected.reduce((sum, t) => sum + t.byteLength, 0);
  const found = `**${count(selected.length, "tensor")}**${blockList(selected)}: ${nameList(selected)}, ${bytesText(bytes)} as ${labels}.`;
  if (!decided.length) return [found, "Later rules decide about all of them."];
  const share =
    decided.length < selected.length
      ? `Later rules decide about ${count(selected.length - decided.length, "of them", "of them")}; the other ${decided.length}: `
      : "";
  const outcome = outcomeOf(decided, wantedBy(draft.rules[r]), knowledge);
  return [found, ...become(share, outcome, measure)];
}

/** "3.4 MB → 0.96 MB, 4.5 bpw as int4-g32; relative squared error …". */
function become(lead: string, outcome: Outcome, measure = ""): string[] {
  const { taken, refused, encodings, error } = outcome;
  if (!taken.length) return [`${lead}None of them can take this encoding.`];
  const kept = encodings.length === 1 && encodings[0] === keep;
  const text = kept
    ? `${lead}They stay as they are.`
    : `${lead}${sizeText(outcome)} as ${encodings.map((e) => code(e)).join(", ")}; ${errorText(error, taken.length)}.`;
  const lines = [error.missing && !kept ? `${text} ${measure}`.trim() : text];
  if (refused.length) lines.push(`${count(refused.length, "tensor")} cannot take it: ${nameList(refused)}.`);
  return lines;
}

function encodingText({ rule: r, value, item }: Place, context: HoverContext): string[] {
  if (typeof value !== "string") return [];
  const { draft, knowledge, measure } = context;
  const rule = draft.rules[r!];
  const name = value === keep ? keep : encodingWithGroup(value, rule.group);
  const about = describe(name);
  if (!about) return [];
  if (!knowledge) return [...about, openModel];
  const { decided } = reachOf(draft, r!, knowledge.facts);
  if (!decided.length) return about;
  const outcome = outcomeOf(decided, [name], knowledge);
  const lead = `${count(decided.length, "tensor")}${item === undefined ? " of this rule" : ", if it came to this"}: `;
  return [...about, ...become(lead, outcome, measure), ...neighbours(name, decided, knowledge)];
}

/** What it is, what it costs, how it is stored. */
function describe(name: string): string[] | undefined {
  if (name === keep) return ["**Keep**: the tensor stays as it is."];
  const encoding = known(name);
  if (!encoding) return undefined;
  const { label, description, planes, blockElements } = encoding;
  const rows = blockElements > 1 ? ` · rows in multiples of ${blockElements}` : "";
  const streams = planes.length > 1 ? `planes ${planes.map((p) => p.name).join(", ")}` : "one plane";
  return [`**${label}**: ${description}.`, `${bitsText(bitsOf(encoding))} · ${streams}${rows}`];
}

const shownNeighbours = 2;

/** The next smaller and larger encodings that all of the tensors can take, as a table. */
function neighbours(name: string, tensors: Knowledge["facts"]["tensors"], knowledge: Knowledge): string[] {
  const names = new Set(tensors.flatMap((t) => knowledge.facts.kinds[t.kind].map((k) => k.encoding)));
  const rows = [...new Set([...names, name])]
    .filter((e) => e !== keep)
    .map((encoding) => ({ encoding, outcome: outcomeOf(tensors, [encoding], knowledge) }))
    .filter(({ outcome, encoding }) => !outcome.refused.length && (outcome.error.relative !== undefined || encoding === name))
    .sort((a, b) => a.outcome.bytes - b.outcome.bytes || (b.outcome.error.relative ?? 0) - (a.outcome.error.relative ?? 0));
  const at = rows.findIndex((row) => row.encoding.toLowerCase() === name.toLowerCase());
  if (at < 0 || rows.length < 2) return [];
  const near = rows.slice(Math.max(0, at - shownNeighbours), at + shownNeighbours + 1);
  const cells = near.map(({ encoding, outcome: { bytes, error } }) => {
    const mark = (text: string) => (encoding === rows[at].encoding ? `**${text}**` : text);
    const loss = error.relative === undefined ? "not measured" : error.relative > 0 ? decibels(error.relative) : "no error";
    return `| ${mark(code(encoding))} | ${mark(bytesText(bytes))} | ${mark(loss)} |`;
  });
  return [["| encoding | size | SQNR |", "|:--|--:|--:|", ...cells].join("\n")];
}

function groupText({ rule: r, value }: Place, { draft }: HoverContext): string[] {
  const rule = draft.rules[r!];
  if (typeof value !== "number" || rule.encoding === undefined) return [];
  const name = encodingWithGroup(rule.encoding, value);
  const about = describe(name);
  const weights = `${value} weights share a scale`;
  return about
    ? [`${weights}: the encoding is ${code(name)}.`, ...about]
    : [`${weights}, but there is no encoding called ${code(name)}.`];
}

function methodText({ rule: r, value, subject }: Place, { draft }: HoverContext): string[] {
  const rule = draft.rules[r!];
  const found = methods.find((m) => m.name === (subject === "method" ? value : rule.method));
  if (!found) return [];
  const encoding = rule.encoding === undefined ? undefined : known(encodingWithGroup(rule.encoding, rule.group));
  const options = Object.entries(found.options).map(
    ([name, values]) => `${code(name)}: ${values.map((v) => code(v)).join(" or ")}`,
  );
  const fits = !encoding
    ? []
    : !found.supports(encoding)
      ? [`It cannot produce ${code(encoding.name)}.`]
      : defaultMethod(encoding) === found
        ? [`It is the usual one for ${code(encoding.name)}.`]
        : [];
  const needs = found.uses.length ? [`Takes ${found.uses.join(" and ")} into account where activation statistics exist.`] : [];
  return [
    `**${found.label}**: ${found.description}.`,
    ...fits,
    ...needs,
    ...(options.length ? [`Options: ${options.join("; ")}.`] : []),
  ];
}

const containers: Readonly<Record<FormatName, string>> = {
  gguf: "**GGUF**: ggml's blocks, for llama.cpp and what is built on it.",
  onnx: "**ONNX**: MatMulNBits, GatherBlockQuantized, DequantizeLinear and halves, for ONNX Runtime.",
  safetensors: "**safetensors**: compressed-tensors, GPTQ and AWQ layouts, for vLLM and transformers.",
};

function targetText({ draft, knowledge, check, modelName }: HoverContext): string[] {
  if (!draft.target) return [];
  const about = containers[draft.target];
  if (!knowledge) return [about, openModel];
  const result =
    check?.byteLength === undefined
      ? `${count(knowledge.facts.tensors.length, "tensor")} of ${code(modelName ?? "the model")} can be quantized for it.`
      : `${code(modelName ?? "The model")} becomes ${bytesText(check.byteLength)}, ${bitsText(check.bitsPerWeight!)}; ${count(check.tensorCount!, "tensor changes", "tensors change")}.`;
  return [about, result];
}

function modelText({ draft, knowledge }: HoverContext): string[] {
  if (!knowledge) return [openModel];
  const { fingerprint, name } = knowledge.facts.model;
  if (draft.model?.fingerprint === undefined) return [`Checked against ${code(name)}.`];
  return [
    draft.model.fingerprint === fingerprint
      ? `Made for the content of ${code(name)}, which is open.`
      : `Made for another model than ${code(name)}.`,
  ];
}
