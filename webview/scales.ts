// Axes: value → share of the axis (0…1) and back, with ticks.

export interface Scale {
  /** Position of a value, 0 at the low end and 1 at the high end; values outside are clamped. NaN stays NaN. */
  at(value: number): number;
  /** The value at a position. */
  value(position: number): number;
  /** Round values inside the domain, ascending, about `n` of them. */
  ticks(n: number): number[];
  readonly low: number;
  readonly high: number;
}

const clamp01 = (x: number) => (x < 0 ? 0 : x > 1 ? 1 : x);

/** 1, 2 or 5 times a power of ten, at least `x`. */
export function niceStep(x: number): number {
  if (!(x > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(x));
  const lead = x / power;
  return (lead <= 1.0000001 ? 1 : lead <= 2.0000001 ? 2 : lead <= 5.0000001 ? 5 : 10) * power;
}

/** The next round number, in finer steps than axes have. */
function niceTop(x: number): number {
  const power = 10 ** Math.floor(Math.log10(x));
  return ([1, 1.5, 2, 3, 4, 5, 7, 10].find((lead) => lead * power >= x * 0.9999999) ?? 10) * power;
}

export function linearTicks(low: number, high: number, n: number): number[] {
  if (!(high > low)) return [low];
  const step = niceStep((high - low) / Math.max(1, n));
  const ticks: number[] = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++)
    ticks.push(k === 0 ? 0 : Number((k * step).toPrecision(12)));
  return ticks;
}

export function linearScale(low: number, high: number): Scale {
  const span = high - low || 1;
  return {
    low,
    high,
    at: (v) => clamp01((v - low) / span),
    value: (p) => low + p * span,
    ticks: (n) => linearTicks(low, high, n),
  };
}

/** Logarithmic; low > 0. Ticks at 1, 2, 5 or at powers of ten when there are many decades. */
export function logScale(low: number, high: number): Scale {
  const a = Math.log(low);
  const span = Math.log(high) - a || 1;
  return {
    low,
    high,
    at: (v) => (v <= 0 ? 0 : clamp01((Math.log(v) - a) / span)),
    value: (p) => Math.exp(a + p * span),
    ticks: (n) => logTicks(low, high, n),
  };
}

export function logTicks(low: number, high: number, n: number): number[] {
  const first = Math.floor(Math.log10(low) + 1e-9);
  const last = Math.ceil(Math.log10(high) - 1e-9);
  const decades = last - first;
  const collect = (leads: readonly number[], every: number) => {
    const ticks: number[] = [];
    for (let e = first; e <= last; e++) {
      if (((e % every) + every) % every !== 0) continue;
      for (const lead of leads) {
        const t = Number(`${lead}e${e}`);
        if (t >= low * 0.999999 && t <= high * 1.000001) ticks.push(t);
      }
    }
    return ticks;
  };
  const fine = collect([1, 2, 5], 1);
  if (fine.length <= n * 1.5) return fine.length >= 2 ? fine : [low, high];
  const coarse = collect([1], Math.max(1, Math.ceil(decades / n)));
  return coarse.length >= 2 ? coarse : collect([1, 3], 1);
}

/** Linear near 0 and logarithmic beyond `unit`: position by asinh(v / unit). */
export function symlogScale(low: number, high: number, unit = 1): Scale {
  const a = Math.asinh(low / unit);
  const span = Math.asinh(high / unit) - a || 1;
  return {
    low,
    high,
    at: (v) => clamp01((Math.asinh(v / unit) - a) / span),
    value: (p) => Math.sinh(a + p * span) * unit,
    ticks: (n) => {
      const candidates = [0];
      for (let e = 0; e < 12; e++)
        for (const m of decadesLeads(low, high, n)) candidates.push(m * 10 ** e * unit, -m * 10 ** e * unit);
      return candidates.filter((t) => t >= low && t <= high).sort((x, y) => x - y);
    },
  };
}

const decadesLeads = (low: number, high: number, n: number): readonly number[] =>
  Math.log10(Math.max(1, Math.abs(low), Math.abs(high))) * 2 > n ? [1] : [1, 3];

/** The spectrum's axis: distance from the mean in σ, symmetric-logarithmic from −64σ to +64σ. */
export const sigmaLimit = 64;
export const sigmaTicks = [-64, -32, -16, -8, -4, -2, -1, 0, 1, 2, 4, 8, 16, 32, 64] as const;
export const sigmaScale: Scale = symlogScale(-sigmaLimit, sigmaLimit, 1);

/** A domain that covers the values, widened to round ends so that it seldom changes while results arrive. */
export function domainOf(values: Iterable<number>, kind: "linear" | "log" | "symlog", floor?: number): readonly [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const v of values) {
    if (!Number.isFinite(v) || (kind === "log" && v <= 0)) continue;
    if (v < low) low = v;
    if (v > high) high = v;
  }
  if (low > high) return kind === "log" ? [floor ?? 1, (floor ?? 1) * 10] : [floor ?? 0, (floor ?? 0) + 1];
  if (floor !== undefined && low >= floor) low = floor;
  if (kind === "linear") {
    const step = niceStep((high - low || Math.abs(high) || 1) / 5);
    const from = Math.floor(low / step + 1e-9) * step;
    return [low === floor ? low : from, Math.max(Math.ceil(high / step - 1e-9) * step, from + step)];
  }
  if (kind === "log") {
    const top = niceTop(high);
    const bottom = low === floor ? low : niceStep(low / 2.5);
    return [bottom, top > bottom ? top : bottom * 2];
  }
  const top = high > 0 ? niceTop(high) : high;
  return [low < 0 && low !== floor ? -niceStep(-low) : low, top > low ? top : low + 1];
}

/** A scale of the given kind. */
export function makeScale(kind: "linear" | "log" | "symlog", [low, high]: readonly [number, number]): Scale {
  return kind === "log" ? logScale(low, high) : kind === "symlog" ? symlogScale(low, high) : linearScale(low, high);
}
