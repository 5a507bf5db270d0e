// Numbers and names as a person reads them: three significant digits, units written.

const byteUnits = ["B", "kB", "MB", "GB", "TB"];

/** 7348736 → "7.35 MB" (decimal units, as disks count). */
export function bytesText(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 999.5 && unit < byteUnits.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? String(value) : digits(value)} ${byteUnits[unit]}`;
}

/** Three significant digits without an exponent, at most six places. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return "0";
  // Rounded first: 0.9996 has its leading digit at 1.
  const rounded = Number(value.toPrecision(3));
  const places = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(rounded))));
  return rounded.toFixed(Math.min(places, 6));
}

export const bitsText = (bits: number) => `${digits(bits)} bpw`;
export const ratioText = (ratio: number) => `${digits(ratio)}×`;
export const shapeText = (shape: readonly number[]) => (shape.length === 0 ? "scalar" : `[${shape.join(" × ")}]`);
export const count = (n: number, one: string, many = `${one}s`) => `${n.toLocaleString("en-US")} ${n === 1 ? one : many}`;

/** For estimates: "under a second", "about 12 s", "about 3 min", "about 2 h 5 min". */
export function durationText(seconds: number): string {
  if (seconds < 1) return "under a second";
  if (seconds < 99.5) return `about ${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return `about ${minutes < 100 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`}`;
}
