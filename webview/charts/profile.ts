import type { ChannelProfile, Outliers } from "../../src/core/series";
import { count, ratio, significant } from "../format";
import { linearScale, linearTicks, logScale, logTicks, type Scale } from "../scales";
import { stepIndex, type Chart, type Size } from "./chart";
import { bottomAxis, leftAxis, line, text, triangle, type Box } from "./draw";
import { poolMax, type Pooled } from "./pool";
import { cell } from "./table";

export interface ProfileData {
  readonly name: string;
  readonly direction: "output" | "input";
  readonly profile: ChannelProfile;
  readonly outliers: Outliers;
  readonly order: "index" | "sorted";
  /** Channel at each place from the left; absent in index order. */
  readonly channels?: Uint32Array;
  /** Highest ratio to the median that the axis shows: shared with a pinned layer's chart, so that heights compare. */
  readonly top: number;
}

/** Channels by falling absolute maximum. */
export function sortedChannels(profile: ChannelProfile): Uint32Array {
  const order = Uint32Array.from(profile.absMax, (_, i) => i);
  return order.sort((a, b) => profile.absMax[b] - profile.absMax[a] || a - b);
}

const boxOf = (size: Size): Box => ({ x: 46, y: 10, width: size.width - 92, height: size.height - 30 });

/** A place of the x axis. */
type Bar = number;
/** More marks than this no longer stand out. */
const markLimit = 48;

const pooledCache = new WeakMap<Float32Array, Map<string, Pooled>>();
/** The profile in its order, pooled by maximum onto at most one bar per pixel. */
function bars(data: ProfileData, size: Size): Pooled {
  const cells = Math.max(1, Math.floor(boxOf(size).width));
  const key = `${data.order}/${cells}`;
  let known = pooledCache.get(data.profile.absMax);
  if (!known) pooledCache.set(data.profile.absMax, (known = new Map()));
  let pooled = known.get(key);
  if (!pooled) {
    const source = data.channels ? Float32Array.from(data.channels, (c) => data.profile.absMax[c]) : data.profile.absMax;
    if (known.size > 3) known.clear();
    known.set(key, (pooled = poolMax(source, cells)));
  }
  return pooled;
}

/** An outlier one pixel wide is hard to point at: within three pixels it attracts the pointer. */
function snapped(data: ProfileData, pooled: Pooled, at: number, box: Box): number {
  const reach = Math.floor((3 * pooled.values.length) / box.width);
  let best = at;
  for (let i = Math.max(0, at - reach); i <= Math.min(pooled.values.length - 1, at + reach); i++) {
    if (pooled.values[i] >= 2 * data.outliers.median && pooled.values[i] > 1.25 * pooled.values[best]) best = i;
  }
  return best;
}

/** Linear heights where the outliers are a few times the median, logarithmic where they would flatten everything else. */
function heights(data: ProfileData): { readonly scale: Scale; readonly log: boolean } {
  const median = data.outliers.median;
  const top = Math.max(median * data.top, 1e-30) * 1.06;
  if (data.top <= 10 || !(median > 0)) return { scale: linearScale(0, top), log: false };
  return { scale: logScale(median / 4, top * 1.2), log: true };
}

const channelAt = (data: ProfileData, place: number) => data.channels?.[place] ?? place;

export const profile: Chart<ProfileData, Bar> = {
  name: "channels",
  title: "Channels",
  describe: ({ name, direction, profile: { absMax }, outliers }) =>
    `Absolute maximum of ${count(absMax.length)} ${direction} channels of ${name}; ` +
    `${count(outliers.over2)} at least twice the median, ` +
    `${count(outliers.over4)} at least four times.`,

  draw(p, data, mark) {
    const { context: c, theme } = p;
    const box = boxOf(p);
    const pooled = bars(data, p);
    const n = pooled.values.length;
    const { scale, log } = heights(data);
    const { median } = data.outliers;
    leftAxis(p, box, scale, log ? logTicks(scale.low, scale.high, 4) : linearTicks(scale.low, scale.high, 4), (v) =>
      significant(v, 2),
    );
    const length = data.profile.absMax.length;
    const channelTicks = linearTicks(0, length - 1, Math.max(2, box.width / 70)).filter((t) => Number.isInteger(t));
    bottomAxis(p, box, linearScale(-0.5, length - 0.5), channelTicks, (v) => count(v), false);
    const width = box.width / n;
    const gap = width >= 4 ? 1 : 0;
    const baseline = box.y + box.height;
    const top = (v: number) => box.y + (1 - scale.at(v)) * box.height;
    c.fillStyle = theme.data;
    for (let i = 0; i < n; i++) {
      const y = Math.min(baseline - 1, top(pooled.values[i]));
      c.fillRect(box.x + i * width, y, width - gap, baseline - y);
    }
    drawMedian(data, top(median));
    drawOutliers();
    line(p, box.x, baseline, box.x + box.width, baseline, theme.dim);
    if (mark !== undefined && mark < n) {
      c.strokeStyle = theme.focus;
      c.lineWidth = 2;
      c.strokeRect(box.x + mark * width - 1, box.y, Math.max(2, width) + 2, box.height);
    }

    function drawMedian(d: ProfileData, y: number): void {
      if (!(d.outliers.median > 0)) return;
      line(p, box.x, y, box.x + box.width, y, theme.foreground, 1, [5, 3]);
      let taken = y;
      text(p, "median", box.x + box.width + 5, y, { colour: theme.foreground });
      for (const k of d.top >= 16 ? [4, 16, 64, 256] : [2, 4, 8, 12]) {
        const at = top(d.outliers.median * k);
        if (k > d.top || at < box.y + 3 || taken - at < 12) continue;
        text(p, `${k}×`, box.x + box.width + 5, at, { colour: theme.dim });
        taken = at;
      }
    }

    /** A dot from 1.5×, an open triangle from 2×, a filled one from 4×; the tallest of those that would touch. */
    function drawOutliers(): void {
      if (!(median > 0)) return;
      const marks: number[] = [];
      for (let i = 0; i < n; i++) if (pooled.values[i] >= 1.5 * median) marks.push(i);
      marks.sort((a, b) => pooled.values[b] - pooled.values[a]);
      marks.length = Math.min(marks.length, markLimit);
      const taken = new Uint8Array(Math.ceil(box.width) + 2);
      for (const i of marks) {
        const x = box.x + (i + 0.5) * width;
        const slot = Math.floor((i + 0.5) * width);
        if (taken[slot]) continue;
        taken.fill(1, Math.max(0, slot - 6), slot + 7);
        const r = pooled.values[i] / median;
        const y = Math.max(5, top(pooled.values[i]) - 6);
        if (r >= 4) triangle(p, x, y, 4, theme.second);
        else if (r >= 2) {
          triangle(p, x, y, 4, theme.second);
          triangle(p, x, y + 0.4, 2, theme.background);
        } else {
          c.fillStyle = theme.second;
          c.fillRect(x - 1, y + 1, 2, 2);
        }
      }
    }
  },

  hit(data, size, x) {
    const box = boxOf(size);
    const n = bars(data, size).values.length;
    const i = Math.floor(((x - box.x) / box.width) * n);
    return i >= 0 && i < n ? snapped(data, bars(data, size), i, box) : undefined;
  },

  step: (data, size, mark, step) => stepIndex(bars(data, size).values.length, mark, step),

  card(data, size, mark) {
    const pooled = bars(data, size);
    const box = boxOf(size);
    const n = pooled.values.length;
    const channel = channelAt(data, pooled.indices[mark]);
    const from = Math.floor((mark * data.profile.absMax.length) / n);
    const to = Math.floor(((mark + 1) * data.profile.absMax.length) / n) - 1;
    const value = data.profile.absMax[channel];
    const lines: (readonly [string, string])[] = [
      ["|w| max", significant(value)],
      ["to the median", ratio(value / data.outliers.median)],
      ["RMS", significant(data.profile.rms[channel])],
    ];
    if (to > from)
      lines.push([
        "largest of",
        data.order === "index" ? `channels ${count(from)} to ${count(to)}` : `${count(to - from + 1)} channels`,
      ]);
    return {
      title: `${data.direction} channel ${count(channel)}`,
      lines,
      x: box.x + ((mark + 0.5) / n) * box.width,
      y: box.y + 8,
    };
  },

  table: (data) => ({
    caption: `${data.direction} channels of ${data.name}`,
    columns: [
      { title: "channel", numeric: true },
      { title: "|w| max", numeric: true },
      { title: "to the median", numeric: true },
      { title: "RMS", numeric: true },
    ],
    rows: Array.from(data.profile.absMax, (_, place) => {
      const i = channelAt(data, place);
      const v = data.profile.absMax[i];
      return [
        cell(i, count),
        cell(v, significant),
        cell(v / data.outliers.median, ratio),
        cell(data.profile.rms[i], significant),
      ];
    }),
  }),
};
