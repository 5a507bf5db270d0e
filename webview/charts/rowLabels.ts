import { commonParts } from "../../src/core/elide";

const known = new WeakMap<readonly unknown[], readonly string[]>();

/** What rows are called at their left: without what all labels begin with, which tells none of them apart. */
export function rowLabels(rows: readonly { readonly label: string }[]): readonly string[] {
  let labels = known.get(rows);
  if (!labels) {
    const all = rows.map((row) => row.label);
    const stem = commonParts(all).length;
    known.set(rows, (labels = all.map((label) => label.slice(stem))));
  }
  return labels;
}
