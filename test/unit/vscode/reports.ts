import type { TensorInfo, TensorRole } from "../../../src/core/model";
import type { Outliers, TensorReport } from "../../../src/core/series";

/** A report whose large parts have `channels` entries. */
export function report(name: string, { channels = 4, inputRatio = 1, outputRatio = 1 } = {}): TensorReport {
  const outliers = (ratio: number): Outliers => ({
    median: 1,
    over1_5: 0,
    over2: ratio >= 2 ? 1 : 0,
    over4: 0,
    channels: [{ index: 3, absMax: ratio, ratio }],
  });
  const profile = () => ({ absMax: new Float32Array(channels), rms: new Float32Array(channels) });
  return {
    name,
    stats: {
      count: 16,
      min: -1,
      max: 1,
      mean: 0,
      std: 1,
      absMax: 1,
      kurtosis: 0,
      zeroCount: 0,
      nanCount: 0,
      infCount: 0,
      sixSigmaShare: 0,
      incoherence: 1,
      sumOfSquares: 16,
    },
    histogram: { low: -1, high: 1, counts: new Float64Array(256) },
    logHistogram: { bins: new Uint16Array(1), counts: new Float64Array(1) },
    output: profile(),
    input: profile(),
    outliers: { output: outliers(outputRatio), input: outliers(inputRatio) },
    errors: [],
    heat: { rows: 1, columns: channels, values: new Float32Array(channels) },
  };
}

export function tensor(name: string, layer?: number, group = "", role: TensorRole = "other"): TensorInfo {
  return { name, shape: [4, 4], elementCount: 16, encodingLabel: "F32", byteLength: 64, bitsPerWeight: 32, role, layer, group };
}
