import { LINEAR_BINS, type Scale } from "../metrics";
import type { Address } from "../kernels";
import { COUNTER_LIMIT, INFINITE_BITS, type PassContext } from "./passContext";

/** Second reading of tiles: linear histogram and far tails. */
export class SecondTally {
  readonly counts = new Float64Array(LINEAR_BINS);
  far = 0;
  #counted = 0;

  /** `nonFinite`: the first reading left something out, so tiles must be looked at. */
  constructor(
    readonly context: PassContext,
    readonly scale: Scale,
    readonly nonFinite: boolean,
  ) {
    this.#clear();
  }

  /** The address of the tile without non-finite elements (0 in their place). */
  add(x: Address, count: number): Address {
    const { kernels, arena, u32 } = this.context;
    const { binsPerUnit, leastNegative, low, high } = this.scale;
    let left = 0;
    if (this.nonFinite) {
      kernels.scan(x, count, arena.out);
      if (u32[arena.out / 4 + 3] >= INFINITE_BITS) {
        kernels.scrub(x, count, arena.clean, 0, arena.out);
        left = u32[arena.out / 4 + 4] + u32[arena.out / 4 + 5];
        x = arena.clean;
      }
    }
    if (this.#counted + count > COUNTER_LIMIT) this.#drain();
    this.#counted += count;
    this.far += kernels.distribute(x, count, binsPerUnit, leastNegative, low, high, arena.linearCounts);
    if (left) {
      this.counts[LINEAR_BINS / 2] -= left;
      if (low > 0 || high < 0) this.far -= left;
    }
    return x;
  }

  finish(): void {
    this.#drain();
  }

  #drain(): void {
    const { u32, arena } = this.context;
    const from = arena.linearCounts / 4;
    for (let b = 0; b <= LINEAR_BINS; b++) {
      for (let k = 0; k < 4; k++) this.counts[Math.min(b, LINEAR_BINS - 1)] += u32[from + 4 * b + k];
    }
    this.#clear();
  }

  #clear(): void {
    const { u32, arena } = this.context;
    u32.fill(0, arena.linearCounts / 4, arena.linearCounts / 4 + 4 * (LINEAR_BINS + 1));
    this.#counted = 0;
  }
}
