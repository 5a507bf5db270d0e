import type { ChannelProfile, OutlierChannel, Outliers } from "../core/series";

/**
 * Beyond this many channels in one direction that direction has no profile: no chart could show it, and it would not be small.
 */
export const MAX_CHANNELS = 2 ** 20;
const TOP_CHANNELS = 64;

/** Running sums along one axis, one entry per row or column. */
export interface ChannelSums {
  readonly absMax: Float32Array;
  /** Σw² of the finite elements. */
  readonly squares: Float64Array;
  /** Elements that were left out because they are not finite; absent while there are none. */
  readonly left?: Float64Array;
}

/** Adds `from`, which covers channels `start`…, into `into`. */
export function addChannels(into: ChannelSums, from: ChannelSums, start: number): ChannelSums {
  for (let i = 0; i < from.absMax.length; i++) {
    const at = start + i;
    if (from.absMax[i] > into.absMax[at]) into.absMax[at] = from.absMax[i];
    into.squares[at] += from.squares[i];
  }
  if (!from.left) return into;
  const left = into.left ?? new Float64Array(into.absMax.length);
  for (let i = 0; i < from.left.length; i++) left[start + i] += from.left[i];
  return { ...into, left };
}

/** The profile of channels of `per` neighbouring entries, each entry summed over `length` elements. */
export function channelProfile(sums: ChannelSums, per: number, length: number): ChannelProfile {
  const channels = Math.floor(sums.absMax.length / per);
  const absMax = new Float32Array(channels);
  const rms = new Float32Array(channels);
  for (let c = 0; c < channels; c++) {
    let largest = 0;
    let squares = 0;
    let count = per * length;
    for (let i = c * per; i < (c + 1) * per; i++) {
      largest = Math.max(largest, sums.absMax[i]);
      squares += sums.squares[i];
      if (sums.left) count -= sums.left[i];
    }
    absMax[c] = largest;
    rms[c] = count > 0 ? Math.sqrt(squares / count) : 0;
  }
  return { absMax, rms };
}

/** Middle value; of an even count the mean of the middle two; 0 of nothing. */
export function median(values: Float32Array): number {
  if (values.length === 0) return 0;
  const sorted = values.slice().sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Where the median is 0, a channel that is not 0 stands out without bound: its ratio is Infinity; 0 against 0 gives 1. */
export function outliers(profile: ChannelProfile): Outliers {
  const middle = median(profile.absMax);
  const ratio = (x: number) => (middle > 0 ? x / middle : x > 0 ? Infinity : 1);
  let over1_5 = 0;
  let over2 = 0;
  let over4 = 0;
  const { absMax } = profile;
  for (let i = 0; i < absMax.length; i++) {
    const r = ratio(absMax[i]);
    if (r >= 1.5) over1_5++;
    if (r >= 2) over2++;
    if (r >= 4) over4++;
  }
  return {
    median: middle,
    over1_5,
    over2,
    over4,
    channels: top(absMax, TOP_CHANNELS).map((index): OutlierChannel => ({
      index,
      absMax: absMax[index],
      ratio: ratio(absMax[index]),
    })),
  };
}

/** Indices of the `limit` largest values, largest first, ties by lower index; one pass with a small sorted list. */
function top(values: Float32Array, limit: number): number[] {
  const best: number[] = [];
  for (let i = 0; i < values.length; i++) {
    if (best.length === limit && !(values[i] > values[best[limit - 1]])) continue;
    let at = best.length;
    while (at > 0 && values[best[at - 1]] < values[i]) at--;
    best.splice(at, 0, i);
    if (best.length > limit) best.pop();
  }
  return best;
}
