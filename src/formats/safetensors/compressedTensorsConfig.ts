import type { Scheme, SchemeGroup } from "./schemes";

const formats: Partial<Record<Scheme["layout"], string>> = {
  packed: "pack-quantized",
  integer: "int-quantized",
  float: "float-quantized",
};

/**
 * compressed-tensors' `quantization_config`. One scheme targets every Linear except `ignore`; several name their modules, and
 * where they are stored in different formats each says its own ("mixed-precision", compressed-tensors 0.11).
 */
export function compressedTensorsConfig(groups: readonly SchemeGroup[], ignore: readonly string[]): object {
  const used = [...new Set(groups.map(({ scheme }) => formats[scheme.layout]!))];
  const entries = groups.map(({ scheme, modules }, i) => {
    const targets = groups.length === 1 ? ["Linear"] : [...modules];
    return [
      `group_${i}`,
      {
        ...(used.length > 1 && { format: formats[scheme.layout] }),
        input_activations: scheme.layout === "integer" ? activations : null,
        output_activations: null,
        targets,
        weights: weights(scheme),
      },
    ];
  });
  return {
    config_groups: Object.fromEntries(entries),
    format: used.length > 1 ? "mixed-precision" : used[0],
    global_compression_ratio: null,
    ignore: [...ignore],
    kv_cache_scheme: null,
    quant_method: "compressed-tensors",
    quantization_status: "compressed",
  };
}

const weights = ({ layout, bits, group, asymmetric }: Scheme) => ({
  actorder: null,
  block_structure: null,
  dynamic: false,
  group_size: group || null,
  num_bits: bits,
  observer: "minmax",
  observer_kwargs: {},
  strategy: group ? "group" : "channel",
  symmetric: !asymmetric,
  type: layout === "float" ? "float" : "int",
});

/** vLLM has no kernel for int8 weights in this format alone: it wants inputs that are rounded per token while running. */
const activations = {
  actorder: null,
  block_structure: null,
  dynamic: true,
  group_size: null,
  num_bits: 8,
  observer: null,
  observer_kwargs: {},
  strategy: "token",
  symmetric: true,
  type: "int",
};
