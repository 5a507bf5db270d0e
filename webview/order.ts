import type { Entry } from "./state";

/** Entries' indices from the top: in file order, or by values with the unknown last. The filter is lower-case text. */
export function sortEntries(
  entries: readonly Entry[],
  values: Float64Array | undefined,
  options: { readonly ascending: boolean; readonly filter: string },
): Int32Array {
  const kept: number[] = [];
  for (const e of entries) if (options.filter === "" || e.tensor.name.toLowerCase().includes(options.filter)) kept.push(e.index);
  if (values) {
    const sign = options.ascending ? 1 : -1;
    kept.sort((a, b) => {
      const [x, y] = [values[a], values[b]];
      if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || a - b;
      return x === y ? a - b : sign * (x < y ? -1 : 1);
    });
  }
  return Int32Array.from(kept);
}

/**
 * The tensor reached by walking from one: "next" and "previous" in file order, "below" and "above" the same role one
 * layer on. The same one at an end.
 */
export function walk(entries: readonly Entry[], from: number, step: "next" | "previous" | "below" | "above"): number {
  if (step === "next" || step === "previous") return Math.min(entries.length - 1, Math.max(0, from + (step === "next" ? 1 : -1)));
  const { role, layer, expert, shape } = entries[from].tensor;
  if (layer === undefined) return walk(entries, from, step === "below" ? "next" : "previous");
  const sign = step === "below" ? 1 : -1;
  let best = from;
  for (const { tensor: t, index } of entries) {
    if (t.role !== role || t.expert !== expert || t.layer === undefined || t.shape.length !== shape.length) continue;
    const distance = sign * (t.layer - layer);
    if (distance <= 0) continue;
    const least = best === from ? Infinity : sign * (entries[best].tensor.layer! - layer);
    if (
      distance < least ||
      (distance === least &&
        similar(t.name, entries[from].tensor.name) > similar(entries[best].tensor.name, entries[from].tensor.name))
    )
      best = index;
  }
  return best;
}

/** Characters two names share at their end. */
function similar(a: string, b: string): number {
  let n = 0;
  while (n < a.length && n < b.length && a[a.length - 1 - n] === b[b.length - 1 - n]) n++;
  return n;
}

/** The hardest tensors by a measure, hardest first; those without a value are left out. */
export function hardest(values: Float64Array, harder: "high" | "low" | "neutral", n: number): number[] {
  const best: number[] = [];
  const beats = (a: number, b: number) => (harder === "low" ? a < b : a > b);
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i]) || (best.length === n && !beats(values[i], values[best[n - 1]]))) continue;
    let at = best.length;
    while (at > 0 && beats(values[i], values[best[at - 1]])) at--;
    best.splice(at, 0, i);
    if (best.length > n) best.pop();
  }
  return best;
}
