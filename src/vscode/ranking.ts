import type { TensorInfo } from "../core/model";
import type { OutlierChannel, TensorReport } from "../core/series";

export interface RankedLayer {
  readonly tensor: TensorInfo;
  /** The direction in which the worse channel lies. */
  readonly direction: "input" | "output";
  readonly worst: OutlierChannel;
  /** Channels of that direction at 2× the median and more. */
  readonly over2: number;
}

/** Layers by the ratio of their worst channel to the median channel, highest first; 1-D tensors have no channels and are left out. */
export function rankByOutliers(tensors: readonly TensorInfo[], reports: ReadonlyMap<string, TensorReport>): RankedLayer[] {
  const ranked: RankedLayer[] = [];
  for (const tensor of tensors) {
    const outliers = reports.get(tensor.name)?.outliers;
    if (!outliers) continue;
    const input = outliers.input.channels[0];
    const output = outliers.output.channels[0];
    if (!input && !output) continue;
    const direction = (input?.ratio ?? -1) >= (output?.ratio ?? -1) ? "input" : "output";
    ranked.push({ tensor, direction, worst: direction === "input" ? input : output, over2: outliers[direction].over2 });
  }
  return ranked.sort((a, b) => rank(b.worst.ratio) - rank(a.worst.ratio) || a.tensor.name.localeCompare(b.tensor.name));
}

/** A ratio that is not a number (all channels zero) ranks last; infinity (median zero) first. */
const rank = (ratio: number) => (Number.isNaN(ratio) ? -1 : Math.min(ratio, Number.MAX_VALUE));
