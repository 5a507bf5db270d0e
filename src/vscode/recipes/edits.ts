import { type Edit, findNodeAtLocation, modify, type Node, parseTree } from "jsonc-parser";
import type { RecipeEdit } from "../../core/api/engine";

/** A stretch of a document's text and what takes its place. */
export interface TextEdit {
  readonly offset: number;
  readonly length: number;
  readonly content: string;
}

const indentation = { insertSpaces: true, tabSize: 2 };

/**
 * The changes to a recipe's text that a fix asks for: just the places it names, comments and layout elsewhere untouched. Sorted,
 * without overlaps; undefined where the text has no such places any more.
 */
export function textEdits(text: string, edits: readonly RecipeEdit[]): readonly TextEdit[] | undefined {
  const tree = parseTree(text);
  if (!tree) return undefined;
  const found: TextEdit[] = [];
  for (const edit of edits) {
    const changes = changesOf(text, tree, edit);
    if (!changes) return undefined;
    found.push(...changes);
  }
  found.sort((a, b) => a.offset - b.offset);
  return found.some((e, i) => i > 0 && found[i - 1].offset + found[i - 1].length > e.offset) ? undefined : found;
}

function changesOf(text: string, tree: Node, { path, value, insert = false }: RecipeEdit): readonly TextEdit[] | undefined {
  const parent = findNodeAtLocation(tree, path.slice(0, -1));
  const node = findNodeAtLocation(tree, [...path]);
  if (!parent?.children) return undefined;
  if (insert) return parent.type === "array" ? [insertion(text, parent, Number(path.at(-1)), value)] : undefined;
  if (value === undefined) return node && [removal(text, parent, node)];
  if (node) return [{ offset: node.offset, length: node.length, content: JSON.stringify(value) }];
  // A new field; what jsonc-parser formats is the object's lines, so it may where they are its own.
  const isOneLine = !text.slice(parent.offset, parent.offset + parent.length).includes("\n");
  const changes: Edit[] = modify(text, [...path], value, isOneLine ? {} : { formattingOptions: indentation });
  return isOneLine ? changes.map((c) => ({ ...c, content: spaced(c.content, text, parent) })) : changes;
}

/** `,"a":1` as the object around it is written: `, "a": 1` where that has spaces. */
function spaced(content: string, text: string, { offset, length }: Node): string {
  const hasSpaces = /":\s/.test(text.slice(offset, offset + length));
  return hasSpaces
    ? content.replace(/^,(?=")/, ", ").replace(/^((?:, )?"[^"]*"):(?=\S)/, "$1: ")
    : content.replace(/^(,?"[^"]*"):\s/, "$1:");
}

/** A new entry, on a line of its own where the others are. */
function insertion(text: string, { offset, children = [] }: Node, at: number, value: unknown): TextEdit {
  const first = children[0];
  if (!first) return { offset: offset + 1, length: 0, content: json(value, true) };
  const separator = text.slice(offset + 1, first.offset).match(/\n[ \t]*$/)?.[0] ?? " ";
  const content = json(value, /":\s|{\s/.test(text.slice(first.offset, first.offset + first.length)));
  const next = children[at];
  if (next) return { offset: next.offset, length: 0, content: `${content},${separator}` };
  const last = children[children.length - 1];
  return { offset: last.offset + last.length, length: 0, content: `,${separator}${content}` };
}

/** An object on one line, with or without spaces. */
function json(value: unknown, spaces: boolean): string {
  if (!spaces || typeof value !== "object" || value === null || Array.isArray(value)) return JSON.stringify(value);
  const fields = Object.entries(value).map(([key, v]) => `${JSON.stringify(key)}: ${JSON.stringify(v)}`);
  return fields.length ? `{ ${fields.join(", ")} }` : "{}";
}

/** The entry with one of its commas, and its line where nothing else stands there. */
function removal(text: string, parent: Node, node: Node): TextEdit {
  // In an object the entry is the property around the value.
  const entry = node.parent?.type === "property" ? node.parent : node;
  const siblings = parent.children!;
  const at = siblings.indexOf(entry);
  const end = entry.offset + entry.length;
  const previous = siblings[at - 1];
  const next = siblings[at + 1];
  if (previous) {
    const comma = commaAfter(text, previous.offset + previous.length);
    // What stands between the comma and the entry (a comment, perhaps) stays when it is more than space.
    const between = text.slice(comma + 1, entry.offset);
    if (/^\s*$/.test(between)) return { offset: comma, length: end - comma, content: "" };
    if (!next) return { offset: comma, length: end - comma, content: between };
    return wholeLine(text, entry.offset, commaAfter(text, end) + 1);
  }
  if (!next) return { offset: entry.offset, length: entry.length, content: "" };
  return { offset: entry.offset, length: next.offset - entry.offset, content: "" };
}

/** The stretch without what it holds, and its line when that is all it held. */
function wholeLine(text: string, from: number, to: number): TextEdit {
  const before = /(?:^|\n)([ \t]*)$/.exec(text.slice(0, from));
  const after = /^[ \t]*\r?\n/.exec(text.slice(to));
  const start = before && after ? from - before[1].length : from;
  const end = before && after ? to + after[0].length : to;
  return { offset: start, length: end - start, content: "" };
}

/** Position of the comma that follows, past space and comments. */
function commaAfter(text: string, from: number): number {
  const skipped = /^(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/.exec(text.slice(from))![0].length;
  return from + skipped;
}

/** The text after the edits. */
export function edited(text: string, edits: readonly TextEdit[]): string {
  return [...edits]
    .reverse()
    .reduce((t, { offset, length, content }) => t.slice(0, offset) + content + t.slice(offset + length), text);
}
