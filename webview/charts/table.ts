/** A chart's twin for screen readers, and what is saved as CSV. Cells of CSV keep full precision. */
export interface Table {
  readonly caption: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
}

export interface Column {
  readonly title: string;
  /** Numbers align right and use tabular figures. */
  readonly numeric?: boolean;
}

/** Text, or a number with the way it is shown. */
export type Cell = string | { readonly value: number; readonly text: string };

export const cell = (value: number, format: (v: number) => string): Cell => ({ value, text: format(value) });
export const cellText = (c: Cell): string => (typeof c === "string" ? c : c.text);

/** A leading apostrophe keeps spreadsheets from running names like "=cmd" as formulas. */
const quoted = (text: string) => {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

/** RFC 4180 text: a header line, then one line per row, numbers at full precision. */
export function toCsv(table: Table): string {
  const lines = [table.columns.map((c) => quoted(c.title)).join(",")];
  for (const row of table.rows) lines.push(row.map((c) => (typeof c === "string" ? quoted(c) : String(c.value))).join(","));
  return lines.join("\r\n") + "\r\n";
}
