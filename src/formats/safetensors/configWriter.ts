import { JsonReader } from "./json";
import type { Scheme } from "./schemes";

/** Weights of one scheme. */
export interface SchemeGroup {
  readonly scheme: Scheme;
  /** Module names ("model.layers.0.mlp.up_proj"). */
  readonly modules: readonly string[];
}

/**
 * compressed-tensors' `quantization_config`. One scheme targets every Linear except `ignore`; several name their modules.
 */
export function quantizationConfig(groups: readonly SchemeGroup[], ignore: readonly string[]): object {
  const entries = groups.map(({ scheme, modules }, i) => {
    const weights = {
      actorder: null,
      block_structure: null,
      dynamic: false,
      group_size: scheme.group || null,
      num_bits: scheme.bits,
      observer: "minmax",
      observer_kwargs: {},
      strategy: scheme.group ? "group" : "channel",
      symmetric: !scheme.asymmetric,
      type: "int",
    };
    const targets = groups.length === 1 ? ["Linear"] : [...modules];
    return [`group_${i}`, { input_activations: null, output_activations: null, targets, weights }];
  });
  return {
    config_groups: Object.fromEntries(entries),
    format: "pack-quantized",
    global_compression_ratio: null,
    ignore: [...ignore],
    kv_cache_scheme: null,
    quant_method: "compressed-tensors",
    quantization_status: "compressed",
  };
}

/**
 * The configuration with `quantization_config` set, everything else kept character by character: a number that passed
 * through JavaScript might come back as 10000 for 10000.0. `text` is a JSON object.
 */
export function mergeConfig(text: string, quantization: object): string {
  const bytes = new TextEncoder().encode(text);
  const json = new JsonReader(bytes);
  const kept: { start: number; end: number }[] = [];
  json.object((key, start) => {
    json.skip();
    if (key !== "quantization_config" && key !== "compression_config") kept.push({ start, end: json.position });
  });
  const decoder = new TextDecoder();
  const members = kept.map(({ start, end }) => decoder.decode(bytes.subarray(start, end)));
  members.push(`"quantization_config": ${JSON.stringify(quantization, null, 2).replaceAll("\n", "\n  ")}`);
  return `{\n  ${members.join(",\n  ")}\n}\n`;
}
