import { Random } from "../../src/core/math/prng";

/** Seeded Gaussian weights: mean + std·N(0,1). */
export function gaussian(count: number, { seed = 1, mean = 0, std = 1 } = {}): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: count }, () => mean + std * random.gaussian());
}

/** Weights as trained networks have them: Gaussian, with a few far outliers and some exact zeros. */
export function heavyTailed(count: number, seed = 1): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: count }, () => {
    const u = random.uniform();
    return u < 0.02 ? 0 : 0.02 * random.gaussian() * (u < 0.022 ? 30 : 1);
  });
}
