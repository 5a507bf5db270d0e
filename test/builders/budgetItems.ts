import type { BudgetItem } from "../../src/budget/items";
import type { TensorRole } from "../../src/core/model";
import { Random } from "../../src/core/math/prng";

/** Small random tensors whose encodings have nothing in common, for comparison with brute force. */
export function randomItems(random: Random, kind: "fine" | "coarse" | "ties"): BudgetItem[] {
  return Array.from({ length: 1 + random.integer(6) }, (_, i) => ({
    name: `t${i}`,
    elementCount: 100,
    candidates: Array.from({ length: 1 + random.integer(6) }, (_, c) => ({
      encoding: `e${c}`,
      bytes: 1 + random.integer(kind === "fine" ? 1000 : 12),
      error: kind === "ties" ? random.integer(6) : random.uniform() * 10,
    })),
  }));
}

const roles: readonly TensorRole[] = ["q", "k", "v", "o", "gate", "up", "down"];

/** A transformer of `layers` blocks with seven matrices each and `encodings` encodings of 1 … 8 bits. */
export function transformerItems(layers: number, encodings: number, seed = 1): BudgetItem[] {
  const random = new Random(seed);
  const sizes: Record<string, number> = { q: 4096 * 4096, k: 1024 * 4096, v: 1024 * 4096, o: 4096 * 4096 };
  return Array.from({ length: layers * roles.length }, (_, i) => {
    const role = roles[i % roles.length];
    const layer = Math.floor(i / roles.length);
    const elementCount = sizes[role] ?? 14336 * 4096;
    const spread = Math.exp(random.gaussian()) * 1e-4 * elementCount;
    return {
      name: `blk.${layer}.${role}.weight`,
      role,
      layer,
      elementCount,
      candidates: Array.from({ length: encodings }, (_, c) => {
        const bits = 1.125 + (c * 7.375) / Math.max(1, encodings - 1);
        return {
          encoding: `e${c}`,
          bytes: Math.round((elementCount * bits) / 256) * 32,
          error: spread * 2 ** (-2 * bits) * (0.7 + 0.6 * random.uniform()),
        };
      }),
    };
  });
}
