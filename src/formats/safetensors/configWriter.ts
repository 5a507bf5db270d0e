import { JsonReader } from "./json";
import { compressedTensorsConfig } from "./compressedTensorsConfig";
import { planesKey } from "./quantized/planeNames";
import type { QuantMethod, Scheme, SchemeGroup } from "./schemes";

export interface QuantizationFacts {
  /** One or more, all of one method. */
  readonly groups: readonly SchemeGroup[];
  /** Modules with a matrix that keeps its type: embeddings, heads, routers and what did not fit. */
  readonly kept: readonly string[];
  /** Those of them that are Linear modules within the blocks. */
  readonly keptLinear: readonly string[];
}

/** `quantization_config` of config.json. */
export function quantizationConfig(method: QuantMethod, facts: QuantizationFacts): object {
  switch (method) {
    case "compressed-tensors":
      return compressedTensorsConfig(facts.groups, facts.kept);
    case "gptq":
    case "gptq_v2":
      return gptqConfig(method, facts);
    case "awq":
      return awqConfig(facts);
    case "bitlens":
      // What is stored how stands in each file's own metadata; transformers refuses a method that it does not know.
      return { quant_method: planesKey, version: 1 };
  }
}

/**
 * One scheme is the model's; modules that differ from it, or stay as they are, are told by pattern, as GPTQModel and vLLM read
 * it: `dynamic` maps "+:regex" to what differs and "-:regex" to nothing.
 */
function gptqConfig(method: "gptq" | "gptq_v2", { groups, keptLinear }: QuantizationFacts): object {
  const main = groups.reduce((a, b) => (b.modules.length > a.modules.length ? b : a));
  const scheme = ({ bits, group, asymmetric }: Scheme) => ({ bits, group_size: group || -1, desc_act: false, sym: !asymmetric });
  const dynamic: [string, object][] = [];
  for (const group of groups) {
    if (group === main) continue;
    for (const module of group.modules) dynamic.push([`+:^${escaped(module)}$`, scheme(group.scheme)]);
  }
  for (const module of keptLinear) dynamic.push([`-:^${escaped(module)}$`, {}]);
  return {
    ...scheme(main.scheme),
    checkpoint_format: method,
    damp_percent: 0.01,
    ...(dynamic.length && { dynamic: Object.fromEntries(dynamic) }),
    lm_head: false,
    quant_method: "gptq",
    true_sequential: true,
  };
}

const escaped = (name: string) => name.replace(/[^\w]/g, "\\$&");

function awqConfig({ groups, keptLinear }: QuantizationFacts): object {
  const [{ scheme }] = groups;
  return {
    bits: scheme.bits,
    group_size: scheme.group || -1,
    modules_to_not_convert: keptLinear.length ? [...keptLinear] : null,
    quant_method: "awq",
    version: "gemm",
    zero_point: true,
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
