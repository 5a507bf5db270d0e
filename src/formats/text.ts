/** Long enough for a licence's first lines, short enough for a panel with hundreds of entries. */
const longestValue = 1000;

/** A name as it may stand in a message: quoted, control characters escaped, cut. Names come from files and are untrusted. */
export function quote(name: string): string {
  return JSON.stringify(name.length > 120 ? name.slice(0, 120) + "…" : name);
}

/** A metadata value as text for display, cut. */
export function cut(value: string): string {
  return value.length > longestValue ? value.slice(0, longestValue) + "…" : value;
}

/** Orders names by their text with numbers by value: "layers.2" before "layers.10". */
export const naturalOrder: (a: string, b: string) => number = new Intl.Collator("en", { numeric: true }).compare;
