import { findNodeAtLocation, findNodeAtOffset, getLocation, getNodePath, type Node } from "jsonc-parser";
import type { Draft } from "./draft";

/** What a value of a recipe is about. */
export type Subject = "match" | "role" | "encoding" | "group" | "method" | "option" | "target" | "model" | "rule";

export interface Place {
  readonly subject: Subject;
  /** Index of the rule around it. */
  readonly rule?: number;
  /** Of a fallback: its index; of an option: its name. */
  readonly item?: number | string;
  readonly value: unknown;
  /** The value with its quotation marks. */
  readonly offset: number;
  readonly length: number;
}

/** The value that stands at the offset, or whose field does; undefined where there is nothing to say. */
export function valueAt({ tree }: Draft, offset: number): Place | undefined {
  const node = tree && findNodeAtOffset(tree, offset);
  if (!tree || !node) return undefined;
  // On the field's name as on its value.
  const target = node.parent?.type === "property" ? (node.parent.children?.[1] ?? node) : node;
  const path = getNodePath(target);
  const subject = subjectOf(path);
  // "model" and "options" are objects: only their field is about them.
  if (!subject || subject === "rule") return undefined;
  const shown = subject === "model" ? (findNodeAtLocation(tree, ["model"]) ?? target) : target;
  return placed(subject, path, shown);
}

function placed(subject: Subject, path: readonly (string | number)[], { value, offset, length }: Node): Place {
  return {
    subject,
    ...(typeof path[1] === "number" && { rule: path[1] }),
    ...(path[3] !== undefined && { item: path[3] }),
    value,
    offset,
    length,
  };
}

function subjectOf(path: readonly (string | number)[]): Subject | undefined {
  const [top, , field, item] = path;
  if (top === "target" && path.length === 1) return "target";
  if (top === "model") return "model";
  if (top !== "rules" || typeof path[1] !== "number") return undefined;
  if (path.length === 2) return "rule";
  if (path.length === 3)
    return ["match", "role", "encoding", "group", "method"].find((s) => s === field) as Subject | undefined;
  if (path.length !== 4) return undefined;
  return field === "fallback" && typeof item === "number" ? "encoding" : field === "options" ? "option" : undefined;
}

/** Where something may be written: the value that is there is replaced. */
export interface Slot extends Omit<Place, "value"> {
  /** A field's name is asked for, not its value. */
  readonly key: boolean;
}

/** What could be written at the offset; undefined where recipes have nothing of their own to offer. */
export function slotAt(text: string, offset: number): Slot | undefined {
  const { path, isAtPropertyKey, previousNode } = getLocation(text, offset);
  const subject = subjectOf(path);
  if (!subject) return undefined;
  const inside = previousNode && offset >= previousNode.offset && offset <= previousNode.offset + previousNode.length;
  const { offset: from, length } = inside ? previousNode : { offset, length: 0 };
  // An open quotation mark takes the rest of the line for its string.
  const end = inside && isOpen(text, from, length) ? offset : from + length;
  return { ...placed(subject, path, { offset: from, length: end - from } as Node), key: isAtPropertyKey };
}

const isOpen = (text: string, offset: number, length: number) =>
  text[offset] === '"' && (length < 2 || text[offset + length - 1] !== '"');
