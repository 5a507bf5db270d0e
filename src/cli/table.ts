export interface Column<Row> {
  readonly title: string;
  /** Numbers stand right. */
  readonly align?: "left" | "right";
  text(row: Row): string;
}

/** Aligned columns under their titles, two spaces apart. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = [columns.map((c) => c.title), ...rows.map((row) => columns.map((c) => printable(c.text(row))))];
  const widths = columns.map((_, i) => cells.reduce((width, line) => Math.max(width, line[i].length), 0));
  return cells
    .map((line) =>
      line.map((cell, i) => (columns[i].align === "right" ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join("  ").trimEnd())
    .map((line) => line + "\n")
    .join("");
}

/** Names come from files: no control characters reach the terminal. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
}
