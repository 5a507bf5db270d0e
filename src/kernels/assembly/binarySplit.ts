// The exact fits of two bits and of ternary: where to split the sorted magnitudes, as src/core/math/lsbq/fit.ts finds it.

/** What the best split explains, and below how many magnitudes it is; only within one call. */
export let explained: f64 = 0;
export let place: u32 = 0;

/** The first best split with a mean below and above: 0 when none is better than a single mean. */
export function splitInTwo(sums: usize, count: u32): void {
  const n = f64x2.splat(count as f64);
  const sum = load<f64>(sums + ((count as usize) << 3));
  const whole = f64x2.splat(sum);
  const single = (sum / (count as f64)) * sum;
  let best = f64x2.splat(single);
  let where = f64x2.splat(0);
  let t = f64x2(1, 2);
  const two = f64x2.splat(2);
  const end = sums + ((count as usize) << 3);
  // The last may be a split with nothing above, 0/0, which is never better.
  for (let at = sums + 8; at < end; at += 16) {
    const below = v128.load(at);
    const above = f64x2.sub(whole, below);
    const gain = f64x2.add(f64x2.div(f64x2.mul(below, below), t), f64x2.div(f64x2.mul(above, above), f64x2.sub(n, t)));
    const better = f64x2.gt(gain, best);
    best = v128.bitselect(gain, best, better);
    where = v128.bitselect(t, where, better);
    t = f64x2.add(t, two);
  }
  const odd = f64x2.extract_lane(best, 0);
  const even = f64x2.extract_lane(best, 1);
  const oddPlace = f64x2.extract_lane(where, 0) as u32;
  const evenPlace = f64x2.extract_lane(where, 1) as u32;
  const isOdd = odd > even || (odd == even && oddPlace < evenPlace);
  explained = isOdd ? odd : even;
  place = isOdd ? oddPlace : evenPlace;
}

/** The last best split with zero below and a mean above. */
export function splitFromZero(sums: usize, count: u32): void {
  const n = f64x2.splat(count as f64);
  const whole = v128.load_splat<u64>(sums + ((count as usize) << 3));
  let best = f64x2.splat(0);
  let where = best;
  let t = f64x2(0, 1);
  const two = f64x2.splat(2);
  const end = sums + ((count as usize) << 3);
  for (let at = sums; at < end; at += 16) {
    const above = f64x2.sub(whole, v128.load(at));
    const gain = f64x2.div(f64x2.mul(above, above), f64x2.sub(n, t));
    const better = f64x2.ge(gain, best);
    best = v128.bitselect(gain, best, better);
    where = v128.bitselect(t, where, better);
    t = f64x2.add(t, two);
  }
  const even = f64x2.extract_lane(best, 0);
  const odd = f64x2.extract_lane(best, 1);
  const evenPlace = f64x2.extract_lane(where, 0) as u32;
  const oddPlace = f64x2.extract_lane(where, 1) as u32;
  const isOdd = odd > even || (odd == even && oddPlace > evenPlace);
  explained = isOdd ? odd : even;
  place = isOdd ? oddPlace : evenPlace;
}
