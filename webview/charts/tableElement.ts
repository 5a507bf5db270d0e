import { h } from "../dom";
import { count } from "../format";
import { cellText, type Table } from "./table";

/** Rows put into the page at most; the CSV has all of them. */
const rowLimit = 2000;

/** A table as HTML. Very long ones are cut with a sentence saying so. */
export function tableElement(
  table: Table,
  options: { readonly class?: string; readonly captionShown?: boolean } = {},
): HTMLElement {
  const rows = table.rows.slice(0, rowLimit);
  const numeric = table.columns.map((c) => (c.numeric ? "number" : undefined));
  const element = h(
    "table",
    { class: options.class },
    h("caption", { class: options.captionShown ? undefined : "hidden-text" }, table.caption),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        table.columns.map((c, i) => h("th", { scope: "col", class: numeric[i] }, c.title)),
      ),
    ),
    h(
      "tbody",
      {},
      rows.map((row) =>
        h(
          "tr",
          {},
          row.map((c, i) =>
            i === 0 ? h("th", { scope: "row", class: numeric[i] }, cellText(c)) : h("td", { class: numeric[i] }, cellText(c)),
          ),
        ),
      ),
    ),
  );
  if (rows.length === table.rows.length) return element;
  return h(
    "div",
    {},
    element,
    h(
      "p",
      { class: "dim" },
      `The first ${count(rowLimit)} of ${count(table.rows.length)} rows; save as CSV for all of them.`,
    ),
  );
}
