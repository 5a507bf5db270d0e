// The exact search for the scale of a small symmetric group, fast: what gridExact finds by walking every assignment of codes.
// Probes exclude most scales; what is left is looked through with f32 sums, and the few assignments that may be best are weighed
// exactly. Whatever is near a tie is left to the walk.
import { searchError } from "./gridCodes";
import {
  beyondError, blur, energy, intervalsBelow, largestError, leastError, measureParts, probe, PROBES, REACHES,
} from "./gridProbe";
import { consider, F16, F32, stored } from "./gridStored";
import { exactGain, exactScale, startWeighing, weigh } from "./gridWeigh";
import { highest } from "./lanes";
import {
  bestEnds, bestGains, bestOptima, bestPlaces, lookWithin, mostChanging, secondGains, seen, seenAt, startWithin,
} from "./gridWithin";

/** Places are off by less than this part, and intervals that much wider. */
const WIDER: f32 = 1e-6;
/** Assignments that explain about as much as the best: gain, from, to, optimum. As many as were seen at most. */
const CANDIDATES: usize = 20480;

/**
 * The symmetric scale of least squared error, as stored; 0 where the walk has to find it. `count` a multiple of 4 up to 256 in
 * groups of `group`, `largest` the stored scale of the largest magnitude, `absmax`. In the scratch is what prepareProbes left.
 * Everything is in units of the largest magnitude: t = 1/scale.
 */
export function quickScale(
  x: usize, count: u32, bits: u32, group: u32, absmax: f32, type: u32, positive: bool, largest: f32, scratch: usize,
): f32 {
  if (count > 256 || (count & 3) || !(absmax > 1e-25 && absmax < 1e25)) return 0;
  if (type == F16 && !(largest > 1.25e-4 && largest < 3e4)) return 0; // where rounding is relative
  const h = (1 << (bits - 1)) as f32;
  const unit: f32 = 1 / absmax;
  if (!measureParts(x, count, bits, group, unit, scratch)) return 0;
  probe(count, h, positive, scratch);

  // Gains come of sums of count/4 products in each lane and of what changes; a stored scale is off by `part` of itself.
  const slack: f32 = 1.2e-7 * (((count >> 2) + mostChanging(count) + 5) as f32);
  const part: f32 = type == F32 ? 6e-8 : type == F16 ? 4.9e-4 : 3.92e-3;
  const near: f32 = 2 * slack + 2 * part * part;
  let limit: f32 = sqrt<f32>(leastError) + 2 * blur;
  limit = limit * limit + near * energy;
  if (beyondError < limit) return 0;
  startWithin();
  for (let mask = intervalsBelow(limit, positive, scratch); mask; ) {
    const first = ctz(mask);
    const isMinus = (first as u32) >> 5;
    const at = scratch + (((first as u32) & 31) << 2);
    const run = min<u32>(ctz(~(mask >> first)) as u32, load<u32>(at, REACHES));
    const from = load<f32>(at, PROBES) * (1 - WIDER);
    const to = load<f32>(at + ((run as usize) << 2), PROBES) * (1 + WIDER);
    if (!lookWithin(from, to, count, h, isMinus, scratch)) return 0;
    mask &= ~((((1 as u64) << run) - 1) << first);
    if (!mask) break;
    limit = sqrt<f32>(energy - highest(bestGains) * (1 - near)) + blur;
    mask &= intervalsBelow(limit * limit, positive, scratch);
  }

  // What the stored scale of the largest magnitude explains at most: ‖q‖·‖r‖ bounds the slope.
  const distance: f32 = sqrt<f32>(largestError);
  const nearer: f32 = distance > blur ? distance - blur : 0;
  const slope: f32 = 2 * sqrt<f32>(energy) * (distance + blur);
  const ofLargest = (energy - nearer * nearer + slope * part + energy * (2e-5 + 2 * part * part)) as f64;
  // Rounding a scale costs this part of what is explained at most.
  const rounding = 1.1 * (part as f64) * (part as f64) + 1e-12;
  const inParts = (unit as f64) * (unit as f64) * (1 - rounding);

  const top = highest(bestGains);
  if (top == 0) return 0;
  const least: f32 = top * (1 - near);
  const among = i32x4.bitmask(f32x4.ge(bestGains, f32x4.splat(least)));
  if (among & (among - 1) || highest(secondGains) >= least) {
    const candidates = listSeen(least, scratch);
    return ofSeveral(x, count, bits, candidates, unit, type, positive, largest, slack, rounding, ofLargest, scratch);
  }
  v128.store(scratch, bestPlaces, CANDIDATES);
  v128.store(scratch, bestEnds, CANDIDATES + 16);
  v128.store(scratch, bestOptima, CANDIDATES + 32);
  const at = scratch + ((ctz(among) as usize) << 2);
  const isMinus = load<u32>(at, CANDIDATES + 32) >>> 31;
  startWeighing();
  if (!weigh(x, count, h, unit, load<f32>(at, CANDIDATES), load<f32>(at, CANDIDATES + 16), isMinus)) return 0;
  const scale = reinterpret<f64>(reinterpret<u64>(exactScale) | ((isMinus as u64) << 63));
  if (exactGain * inParts > ofLargest) return stored(scale, bits, type);
  return bestOf(largest, scale, 0, x, count, bits, type, scratch);
}

/** Lists the assignments seen that explain at least `least`; their number. */
function listSeen(least: f32, scratch: usize): u32 {
  let candidates: u32 = 0;
  for (let i: u32 = 0; i < seen; i++) {
    const gains = v128.load(seenAt(i, scratch));
    for (let mask = i32x4.bitmask(f32x4.ge(gains, f32x4.splat(least))); mask; mask &= mask - 1) {
      const from = seenAt(i, scratch) + ((ctz(mask) as usize) << 2);
      const to = scratch + CANDIDATES + ((candidates as usize) << 4);
      store<f32>(to, load<f32>(from));
      store<f32>(to, load<f32>(from, 16), 4);
      store<f32>(to, load<f32>(from, 32), 8);
      store<f32>(to, load<f32>(from, 48), 12);
      candidates++;
    }
  }
  return candidates;
}

/** The scale where several assignments explain about the same; 0 where a tie is near. */
function ofSeveral(
  x: usize, count: u32, bits: u32, candidates: u32, unit: f32, type: u32, positive: bool, largest: f32, slack: f32, rounding: f64,
  ofLargest: f64, scratch: usize,
): f32 {
  const h = (1 << (bits - 1)) as f32;
  const parting = h - 0.5; // up to here the codes of both signs are the same
  let common: f32 = 0;
  let plusOnly: f32 = 0;
  let minusOnly: f32 = 0;
  for (let i: u32 = 0; i < candidates; i++) {
    const at = scratch + CANDIDATES + ((i as usize) << 4);
    const gain = load<f32>(at);
    const optimum = load<f32>(at, 12);
    if (abs<f32>(abs<f32>(optimum) - parting) < 1e-3) return 0;
    if (optimum < 0) {
      if (gain > minusOnly) minusOnly = gain;
    } else if (optimum > parting) {
      if (gain > plusOnly) plusOnly = gain;
    } else if (gain > common) common = gain;
  }
  const alike = plusOnly == 0 && minusOnly == 0;
  if (!weighBest(x, count, h, unit, candidates, common > plusOnly ? common : plusOnly, slack, 0, scratch)) return 0;
  const gainPlus = exactGain;
  const plus = exactScale;
  startWeighing();
  if (!positive && !alike) {
    if (!weighBest(x, count, h, unit, candidates, common > minusOnly ? common : minusOnly, slack, 1, scratch)) return 0;
  }
  const best = gainPlus > exactGain ? gainPlus : exactGain;
  const isClear = alike || abs<f64>(gainPlus - exactGain) > best * rounding;
  if (isClear && best * (unit as f64) * (unit as f64) * (1 - rounding) > ofLargest) {
    return stored(gainPlus > exactGain ? plus : -exactScale, bits, type);
  }
  return bestOf(largest, plus, -exactScale, x, count, bits, type, scratch);
}

/** The one of least error, as stored: the scale of the largest magnitude, and the candidates that are not 0. */
function bestOf(largest: f32, plus: f64, minus: f64, x: usize, count: u32, bits: u32, type: u32, scratch: usize): f32 {
  const h = (1 << (bits - 1)) as f32;
  store<f32>(scratch, largest);
  store<f64>(scratch, searchError(x, count, largest, -h, h - 1), 8);
  consider(plus, x, count, bits, type, scratch);
  consider(minus, x, count, bits, type, scratch);
  return load<f32>(scratch);
}

/** Weighs the candidates of a sign that explain about as much as its best one. False when a tie is near. */
function weighBest(
  x: usize, count: u32, h: f32, unit: f32, candidates: u32, best: f32, slack: f32, isMinus: u32, scratch: usize,
): bool {
  startWeighing();
  const least = best * (1 - slack);
  for (let i: u32 = 0; i < candidates; i++) {
    const c = scratch + CANDIDATES + ((i as usize) << 4);
    const optimum = load<f32>(c, 12);
    if (load<f32>(c) < least || (isMinus ? optimum > h - 0.5 : optimum < 0)) continue;
    if (!weigh(x, count, h, unit, load<f32>(c, 4), load<f32>(c, 8), isMinus)) return false;
  }
  return true;
}
