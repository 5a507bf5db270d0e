import type { LogHistogram } from "../core/series";

/** By sign, exponent and top 3 mantissa bits. */
export const LOG_BINS = 4096;

/** The sparse form of dense counts. */
export function logHistogram(dense: Float64Array): LogHistogram {
  let used = 0;
  for (let b = 0; b < LOG_BINS; b++) if (dense[b] > 0) used++;
  const bins = new Uint16Array(used);
  const counts = new Float64Array(used);
  for (let b = 0, at = 0; b < LOG_BINS; b++) {
    if (dense[b] > 0) {
      bins[at] = b;
      counts[at++] = dense[b];
    }
  }
  return { bins, counts };
}
