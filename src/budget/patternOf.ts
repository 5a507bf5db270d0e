import { isPlain } from "./compress";
import { select } from "./items";

/** Patterns are shorter than this (patterns.ts). */
const longest = 1000;

/**
 * A short pattern that matches the wanted names and none of the others; undefined where none is found. Both lists hold plain
 * names; `wanted` is part of `all`.
 */
export function patternFor(wanted: readonly string[], all: readonly string[]): string | undefined {
  if (wanted.length === 0 || wanted.some((name) => !isPlain(name) || name.includes("*"))) return undefined;
  if (wanted.length === 1) return wanted[0];
  const items = all.map((name) => ({ name }));
  const chosen = new Set(wanted);
  const isExact = (pattern: string): boolean => {
    if (pattern.length > longest) return false;
    const hits = select({ match: pattern }, items);
    return hits.length === chosen.size && hits.every((i) => chosen.has(all[i]));
  };
  const factored = bySegments(wanted);
  const candidates = factored ? [withStars(factored, /^\d+$/), withStars(factored), withBraces(factored)] : [];
  return [...candidates, `{${wanted.join(",")}}`].find(isExact);
}

/** The different texts at each place between dots and slashes; undefined where the names have different lengths. */
function bySegments(names: readonly string[]): readonly (readonly string[])[] | undefined {
  const split = names.map((name) => name.split(/(?<=[./])|(?=[./])/));
  if (split.some((parts) => parts.length !== split[0].length)) return undefined;
  return split[0].map((_, i) => [...new Set(split.map((parts) => parts[i]))]);
}

const braced = (parts: readonly string[]) => (parts.length === 1 ? parts[0] : `{${parts.join(",")}}`);
const withBraces = (places: readonly (readonly string[])[]) => places.map(braced).join("");
/** A star where names differ, or only where they differ in this. */
const withStars = (places: readonly (readonly string[])[], only?: RegExp) =>
  places.map((parts) => (parts.length > 1 && (!only || parts.every((p) => only.test(p))) ? "*" : braced(parts))).join("");
