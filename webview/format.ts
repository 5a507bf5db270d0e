// Numbers as people read them: three significant digits, thousands separators, a unit.

const superscripts = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const superscript = (n: number) => [...String(n)].map((c) => (c === "-" ? "⁻" : superscripts[Number(c)])).join("");
const minus = (text: string) => text.replace("-", "−");

/** A number with `digits` significant digits: 0.0123, 1.23, 12.3, 1,234, 1.23×10⁻⁵. NaN is "–". */
export function significant(x: number, digits = 3): string {
  if (Number.isNaN(x)) return "–";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
  if (x === 0) return "0";
  const magnitude = Math.floor(Math.log10(Math.abs(Number(x.toPrecision(digits)))));
  if (magnitude < -3 || magnitude >= 9) {
    const mantissa = x / 10 ** magnitude;
    return `${minus(mantissa.toFixed(digits - 1))}×10${superscript(magnitude)}`;
  }
  return grouped(x.toFixed(Math.max(0, digits - 1 - magnitude)));
}

/** Thousands separators and a true minus. By hand: toLocaleString takes too long for hundreds of numbers in a frame. */
function grouped(text: string): string {
  const point = text.indexOf(".");
  let out = point < 0 ? "" : text.slice(point);
  let end = point < 0 ? text.length : point;
  const start = text.startsWith("-") ? 1 : 0;
  for (; end - start > 3; end -= 3) out = `,${text.slice(end - 3, end)}${out}`;
  return (start > 0 ? "−" : "") + text.slice(start, end) + out;
}

/** A whole number with thousands separators. */
export function count(n: number): string {
  return Number.isFinite(n) ? grouped(n.toFixed(0)) : significant(n);
}

/** Scaled by thousands with a suffix: 3.67 M, 70.6 B. Below 1,000 the whole number. */
export function scaled(n: number, suffixes: readonly string[] = ["", "k", "M", "B", "T"]): string {
  if (!Number.isFinite(n)) return significant(n);
  let i = 0;
  let x = Math.abs(n);
  while (Number(x.toPrecision(3)) >= 1000 && i < suffixes.length - 1) {
    x /= 1000;
    i++;
  }
  const sign = n < 0 ? "−" : "";
  return i === 0 ? `${sign}${count(x)} ${suffixes[0]}`.trimEnd() : `${sign}${significant(x)} ${suffixes[i]}`;
}

/** Decimal bytes: 512 B, 7.35 MB, 141 GB. */
export const bytes = (n: number): string => scaled(n, ["B", "kB", "MB", "GB", "TB"]);
export const ratio = (x: number): string => (Number.isNaN(x) ? "–" : `${significant(x)}×`);
export const decibels = (x: number): string =>
  Number.isNaN(x) ? "–" : x === Infinity ? "lossless" : `${x.toFixed(1).replace("-", "−")} dB`;
export const bits = (x: number): string => (Number.isNaN(x) ? "–" : `${significant(x)} bpw`);
/** For axes: 1k, 20k, 500 without needless digits. */
export const tick = (n: number): string =>
  scaled(n)
    .replace(/\.0+(?= |$)/, "")
    .replace(/(\.\d*[1-9])0+(?= |$)/, "$1")
    .replace(" ", "");
export const percent = (share: number): string =>
  Number.isNaN(share) ? "–" : share === 0 ? "0 %" : `${significant(share * 100)} %`;

/** A signed change in percent without decimals below one in ten thousand: −71.9 %. */
export function change(before: number, after: number): string {
  if (!(before > 0)) return "–";
  const x = ((after - before) / before) * 100;
  return `${x > 0 ? "+" : ""}${minus(x.toFixed(1))} %`;
}

/** A score of which hundredths say nothing: kurtosis. */
export const score = (x: number): string =>
  Math.abs(x) < 0.1 ? minus(x.toFixed(2)).replace(/^−(0\.00)$/, "$1") : significant(x);

/** 42 ms, 12.3 s, 2 min 5 s. */
export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  if (seconds < 60) return `${significant(seconds)} s`;
  const s = Math.round(seconds);
  return `${count(Math.floor(s / 60))} min ${s % 60} s`;
}

/** [256 × 768]; a scalar is "scalar". */
export const shape = (dimensions: readonly number[]): string =>
  dimensions.length === 0 ? "scalar" : dimensions.map(count).join(" × ");

export const plural = (n: number, noun: string): string => `${count(n)} ${noun}${n === 1 ? "" : "s"}`;
