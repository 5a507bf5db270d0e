/** Three significant digits, without exponents where a person reads on without them. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "-∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e7) return value.toExponential(2);
  const rounded = Number(value.toPrecision(3));
  return Math.abs(rounded) >= 100 ? String(rounded) : rounded.toPrecision(3);
}

/** Decimal units, as disks and model cards count. */
export function bytes(value: number): string {
  return scaled(value, ["B", "kB", "MB", "GB", "TB"]);
}

export function count(value: number): string {
  return scaled(value, ["", "k", "M", "B", "T"]).trimEnd();
}

/** "1 tensor", "2 tensors". */
export function many(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

export function percent(share: number): string {
  return `${digits(100 * share)} %`;
}

export function seconds(value: number): string {
  return value < 100 ? `${digits(value)} s` : `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
}

function scaled(value: number, units: readonly string[]): string {
  let unit = 0;
  let rest = value;
  // 999.6 would print as 1000 of the smaller unit.
  while (Math.abs(rest) >= 999.5 && unit < units.length - 1) {
    rest /= 1000;
    unit++;
  }
  return `${unit === 0 ? rest : digits(rest)} ${units[unit]}`;
}
