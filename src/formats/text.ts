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

/** Items ordered by their names with numbers by value: "layers.2" before "layers.10". Keys are made once. */
export function inNaturalOrder<T>(items: readonly T[], nameOf: (item: T) => string): T[] {
  const keyed = items.map((item) => ({ item, key: nameOf(item).replace(/\d+/g, (digits) => digits.padStart(8, "0")) }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return keyed.map(({ item }) => item);
}

/** "1 matrix is" or "3 matrices are": the words after the number. */
export function counted(n: number, one: string, several: string): string {
  return `${n} ${n === 1 ? one : several}`;
}
