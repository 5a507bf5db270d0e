import type { TensorInfo, TensorRole } from "../../../core/model";
import { keep } from "../../../core/recipe";
import { about, type Choice, type LoadFinding, type LoadRule, named, type Remedy } from "./rule";

const vllm = { format: "safetensors", runtime: "vLLM" } as const;

/** Weights per scale as the name says it; 0 for the whole row, or where the name says nothing. */
const groupOf = (encoding: string) => Number(/-g(\d+)/.exec(encoding)?.[1] ?? 0);
const isWeightOnly = (encoding: string) => /^(int[48]-(g|channel)|gptq|awq)/.test(encoding);
const marlinGroups = [0, 32, 64, 128];

export const safetensorsRules: readonly LoadRule[] = [
  {
    ...vllm,
    code: "one-method",
    severity: "error",
    runtime: "vLLM, transformers",
    source: "transformers/quantizers/auto.py: quantization_config names one quant_method for the whole model",
    check(choice) {
      const methods = byKey(choice, methodOf);
      return methods.size > 1 ? [disagreement(choice, methods, "One model has one quantization method", methodLabel)] : [];
    },
  },
  {
    ...vllm,
    code: "awq-scheme",
    severity: "error",
    runtime: "vLLM, transformers",
    source: "vllm/model_executor/layers/quantization/awq.py: AWQConfig has one weight_bits and one group_size",
    check(choice) {
      const schemes = byKey(choice, (encoding) => (methodOf(encoding) === "awq" ? scheme(encoding) : undefined));
      return schemes.size > 1
        ? [disagreement(choice, schemes, "AWQ's configuration holds one group size for the whole model", (name) => name)]
        : [];
    },
  },
  {
    ...vllm,
    code: "fused-schemes",
    severity: "error",
    source:
      "vllm/model_executor/layers/quantization/compressed_tensors/utils.py, find_matched_target: fused layers need one scheme",
    check: (choice) => [
      ...differing(choice, ["q", "k", "v"], "q, k and v"),
      ...differing(choice, ["gate", "up"], "gate and up"),
    ],
  },
  {
    ...vllm,
    code: "fused-experts",
    severity: "error",
    source:
      "vllm/model_executor/layers/quantization/compressed_tensors/compressed_tensors_moe, get_moe_method: all projections of the experts need one scheme",
    check: (choice) =>
      differing(choice, ["gate", "up", "down", "gate_up"], "all experts of a block", { experts: true }),
  },
  {
    ...vllm,
    code: "group-size",
    severity: "warning",
    source: "vllm/model_executor/layers/quantization/utils/marlin_utils.py: MARLIN_SUPPORTED_GROUP_SIZES = [-1, 32, 64, 128]",
    check: (choice) =>
      about(
        choice,
        (encoding) => isWeightOnly(encoding) && !marlinGroups.includes(groupOf(encoding)),
        (names, found) => ({
          message: `${names} have groups that vLLM's Marlin kernels do not take (32, 64, 128 or the whole row); a slower kernel or none is used.`,
          remedies: regrouped(choice, found),
        }),
      ),
  },
  {
    ...vllm,
    code: "group-alignment",
    severity: "warning",
    source:
      "vllm/model_executor/layers/quantization/utils/marlin_utils.py: output features in multiples of 64, input features of 128",
    check: (choice) =>
      about(
        choice,
        (encoding, { shape }) => isWeightOnly(encoding) && (shape[0] % 64 !== 0 || shape[1] % 128 !== 0),
        (names) => ({
          message: `${names} cannot use vLLM's Marlin kernels as they are, whose matrices come in multiples of 64 × 128; padding, a slower kernel or none is used.`,
        }),
      ),
  },
  {
    ...vllm,
    code: "asymmetric-gptq",
    severity: "warning",
    source: "vllm/model_executor/layers/quantization/gptq_marlin.py, GPTQMarlinConfig.TYPE_MAP: 4 and 8 bits, symmetric only",
    check: (choice) =>
      about(
        choice,
        (encoding) => /^gptq.*-asym$/.test(encoding),
        (names, found) => ({
          message: `${names} have zero points, for which vLLM has no Marlin kernel in GPTQ's layout; AWQ's has one.`,
          remedies: symmetric(choice, found),
        }),
      ),
  },
  {
    ...vllm,
    code: "int8-activations",
    severity: "warning",
    source:
      "vllm/model_executor/layers/quantization/compressed_tensors/compressed_tensors.py, _is_dynamic_token_w8a8: int-quantized weights come with 8-bit inputs",
    check: (choice) =>
      about(
        choice,
        (encoding) => encoding.startsWith("int8-qdq"),
        (names) => ({
          message: `${names}: vLLM rounds the inputs of these layers to 8 bits per token while running; int8-channel leaves them as they are.`,
        }),
      ),
  },
  {
    ...vllm,
    code: "research-layout",
    severity: "warning",
    runtime: "vLLM, transformers",
    source: "src/formats/safetensors/LAYOUTS.md",
    check: (choice) =>
      about(
        choice,
        (encoding) => methodOf(encoding) === "bitlens",
        (names) => ({
          message: `${names} will be stored in a research layout that only Bitlens reads.`,
        }),
      ),
  },
];

/** Who reads it. Float encodings and "keep" have none. */
function methodOf(encoding: string): string | undefined {
  if (/^(lsbq|ternary|pvq)/.test(encoding)) return "bitlens";
  return /^(gptq_v2|gptq|awq)-/.exec(encoding)?.[1] ?? (/^(int[48]-|f8-)/.test(encoding) ? "compressed-tensors" : undefined);
}

const methodLabel = (method: string) => (method === "bitlens" ? "a research layout" : method);

/** The scale's type does not count. */
const scheme = (encoding: string) => (encoding === keep ? keep : encoding.replace(/-(f32|f16|bf16)(?=-|$)/, ""));

function byKey({ tensors, encodingOf }: Choice, key: (encoding: string) => string | undefined): Map<string, TensorInfo[]> {
  const groups = new Map<string, TensorInfo[]>();
  for (const t of tensors) {
    const k = key(encodingOf(t.name));
    if (k !== undefined) groups.set(k, [...(groups.get(k) ?? []), t]);
  }
  return groups;
}

/** The fewest should follow the most. */
function disagreement(
  choice: Choice,
  groups: ReadonlyMap<string, readonly TensorInfo[]>,
  rule: string,
  label: (key: string) => string,
): LoadFinding {
  const [[main, most], ...others] = [...groups].sort(([, a], [, b]) => b.length - a.length);
  const odd = others.flatMap(([, tensors]) => tensors);
  const usual = commonest(most.map((t) => scheme(choice.encodingOf(t.name))));
  const fits = odd.every((t) => choice.holds(t.name, usual));
  return {
    message: `${rule}: ${named(odd)} would be ${others.map(([key]) => label(key)).join(" and ")} where the others are ${label(main)}; choose one of them.`,
    tensors: odd.map((t) => t.name),
    remedies: fits ? [{ tensors: odd.map((t) => t.name), encoding: usual }] : [],
  };
}

const commonest = (names: readonly string[]) => {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].reduce((a, b) => (b[1] > a[1] ? b : a))[0];
};

/** Blocks in which tensors of these roles, which become one, differ in their schemes. */
function differing(choice: Choice, roles: readonly TensorRole[], words: string, { experts = false } = {}): LoadFinding[] {
  const groups = new Map<string, TensorInfo[]>();
  for (const t of choice.tensors) {
    if (!roles.includes(t.role) || t.layer === undefined || experts !== (t.expert !== undefined)) continue;
    const key = `${t.layer}/${!experts && t.name.includes("shared_expert")}`;
    groups.set(key, [...(groups.get(key) ?? []), t]);
  }
  const schemeOf = (t: TensorInfo) => scheme(choice.encodingOf(t.name));
  const odd = [...groups.values()].filter((parts) => new Set(parts.map(schemeOf)).size > 1);
  if (!odd.length) return [];
  const layers = [...new Set(odd.map((parts) => parts[0].layer))];
  const blocks = layers.slice(0, 5).join(", ") + (layers.length > 5 ? ", …" : "");
  const parts = odd.flat();
  const remedies = [...new Set(parts.map(schemeOf))].flatMap((encoding): Remedy[] => {
    const others = parts.filter((t) => schemeOf(t) !== encoding);
    return others.every((t) => encoding === keep || choice.holds(t.name, encoding))
      ? [{ tensors: others.map((t) => t.name), encoding }]
      : [];
  });
  return [
    {
      message: `vLLM fuses ${words} into one layer, so they need one encoding; in ${layers.length > 1 ? "blocks" : "block"} ${blocks} these differ: ${named(parts)}.`,
      tensors: parts.map((t) => t.name),
      // The least to change comes first.
      remedies: remedies.sort((a, b) => a.tensors.length - b.tensors.length).slice(0, 3),
    },
  ];
}

/** The nearest group that Marlin takes and the rows divide into, where one suits all. */
function regrouped({ encodingOf, holds }: Choice, tensors: readonly TensorInfo[]): Remedy[] {
  const names = tensors.map((t) => t.name);
  const encodings = new Set(names.map((name) => scheme(encodingOf(name))));
  if (encodings.size !== 1) return [];
  const [present] = encodings;
  return [128, 64, 32]
    .sort((a, b) => Math.abs(a - groupOf(present)) - Math.abs(b - groupOf(present)))
    .map((group) => ({ tensors: names, encoding: present.replace(/-g\d+/, `-g${group}`) }))
    .filter(({ encoding }) => names.every((name) => holds(name, encoding)))
    .slice(0, 1);
}

function symmetric({ encodingOf, holds }: Choice, tensors: readonly TensorInfo[]): Remedy[] {
  const names = tensors.map((t) => t.name);
  const encodings = [...new Set(names.map((name) => encodingOf(name).replace(/-asym$/, "")))];
  return encodings.length === 1 && names.every((name) => holds(name, encodings[0]))
    ? [{ tensors: names, encoding: encodings[0] }]
    : [];
}
