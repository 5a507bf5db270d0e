// Models made of real arithmetic on seeded weights, small enough to be made in the page.
import type { EncodingInfo, ExportChoice } from "../../src/core/api/engine";
import type { PanelModel } from "../../src/core/api/panel";
import type { TensorRole } from "../../src/core/model";
import type { TensorReport } from "../../src/core/series";
import { encodings } from "../../src/encodings";
import { analyseReference } from "../../src/metrics/reference";

export type Tensor = PanelModel["tensors"][number];
export interface Made {
  readonly model: PanelModel;
  readonly reports: readonly TensorReport[];
  readonly encodings: readonly EncodingInfo[];
  readonly choices: readonly ExportChoice[];
}

/** mulberry32. */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Gaussian weights; every `loud` input column is multiplied, and a few single weights stick out. */
function weights(
  rows: number,
  columns: number,
  seed: number,
  options: { mean?: number; std: number; loud?: number; specks?: number },
): Float32Array {
  const r = random(seed);
  const x = new Float32Array(rows * columns);
  for (let i = 0; i < x.length; i++)
    x[i] = (options.mean ?? 0) + options.std * Math.sqrt(-2 * Math.log(1 - r())) * Math.cos(2 * Math.PI * r());
  for (let k = 0; k < (options.loud ?? 0); k++) {
    const column = Math.floor(r() * columns);
    const factor = 1.6 + 9 * r() ** 3;
    for (let i = 0; i < rows; i++) x[i * columns + column] *= factor;
  }
  for (let k = 0; k < (options.specks ?? 0); k++)
    x[Math.floor(r() * x.length)] = options.std * (12 + 40 * r()) * (r() < 0.5 ? -1 : 1);
  return x;
}

const used = ["f16", "q8_0", "q5_0", "q4_1", "q4_0"];
const codecs = used.flatMap((name) => encodings.find((e) => e.name === name) ?? []);
export const encodingInfos: readonly EncodingInfo[] = codecs.map((c) => ({
  name: c.name,
  label: c.label,
  description: c.description,
  blockElements: c.blockElements,
  targets: c.targets,
  bitsPerWeight: (8 * c.planes.reduce((n, p) => n + p.rowBytes(4096), 0)) / 4096,
}));

function tensor(name: string, shape: readonly number[], role: TensorRole, layer?: number, expert?: number): Tensor {
  const elementCount = shape.reduce((a, b) => a * b, 1);
  return {
    name,
    shape,
    elementCount,
    encodingLabel: "BF16",
    byteLength: 2 * elementCount,
    bitsPerWeight: 16,
    role,
    layer,
    expert,
    group: name.split(".").slice(0, -2).join("."),
  };
}

function model(
  name: string,
  architecture: string,
  layerCount: number,
  tensors: readonly Tensor[],
  problems: PanelModel["problems"] = [],
): PanelModel {
  const parameterCount = tensors.reduce((n, t) => n + t.elementCount, 0);
  return {
    format: "safetensors",
    path: `/models/${name}/model.safetensors`,
    folder: `/models/${name}`,
    files: ["model.safetensors"],
    byteLength: tensors.reduce((n, t) => n + t.byteLength, 0) + 4096,
    architecture,
    layerCount,
    parameterCount,
    tensors,
    metadata: [],
    problems,
  };
}

function choices(m: PanelModel): ExportChoice[] {
  return encodingInfos
    .filter((e) => e.bitsPerWeight < 16)
    .map((e) => {
      const takes = (t: Tensor) => t.shape.length > 1 && (t.elementCount / t.shape[0]) % e.blockElements === 0;
      const changed = m.tensors.flatMap((t, i) => (takes(t) ? [i] : []));
      const byteLength = m.tensors.reduce((n, t) => n + (takes(t) ? (t.elementCount * e.bitsPerWeight) / 8 : t.byteLength), 0);
      return {
        encoding: e.name,
        format: m.format,
        label: e.label,
        description: e.description,
        byteLength,
        bitsPerWeight: (8 * byteLength) / m.parameterCount,
        tensorCount: changed.length,
        assigned: [{ encoding: e.name, tensors: changed }],
      };
    });
}

const analyse = (t: Tensor, x: Float32Array): TensorReport => {
  const rows = t.shape.length < 2 ? 1 : t.shape[0];
  const columns = t.elementCount / rows;
  return analyseReference(
    x,
    { rows, columns, columnsPerInput: t.shape.slice(2).reduce((a, b) => a * b, 1), hasChannels: t.shape.length >= 2 },
    codecs.filter((c) => columns % c.blockElements === 0),
    t.name,
  );
};

/** A Llama of four layers with outliers that grow towards the end. */
export function llama(): Made {
  const tensors: Tensor[] = [tensor("model.embed_tokens.weight", [512, 96], "embedding")];
  for (let l = 0; l < 4; l++) {
    const at = `model.layers.${l}`;
    tensors.push(tensor(`${at}.input_layernorm.weight`, [96], "attn_norm", l));
    for (const role of ["q", "k", "v", "o"] as const)
      tensors.push(tensor(`${at}.self_attn.${role}_proj.weight`, [96, 96], role, l));
    tensors.push(tensor(`${at}.post_attention_layernorm.weight`, [96], "ffn_norm", l));
    for (const role of ["gate", "up"] as const) tensors.push(tensor(`${at}.mlp.${role}_proj.weight`, [256, 96], role, l));
    tensors.push(tensor(`${at}.mlp.down_proj.weight`, [96, 256], "down", l));
  }
  tensors.push(tensor("model.norm.weight", [96], "norm"), tensor("lm_head.weight", [512, 96], "head"));
  const m = model("tale-llama-tiny", "LlamaForCausalLM", 4, tensors, [
    { code: "overlapping-tensors", message: "Two tensors share bytes 4,096 to 8,192.", tensor: "model.norm.weight" },
    { code: "unknown-metadata", message: "The header has metadata that is not text." },
  ]);
  const reports = tensors.map((t, i) =>
    analyse(
      t,
      t.shape.length < 2
        ? weights(1, t.elementCount, i, { mean: 1, std: 0.05, specks: i % 3 === 0 ? 1 : 0 })
        : weights(t.shape[0], t.shape[1], i, {
            std: 0.02 + 0.01 * (i % 5),
            loud: t.role === "down" || t.role === "o" ? 1 + (t.layer ?? 0) : i % 4 === 0 ? 1 : 0,
            specks: t.role === "down" ? 2 : 0,
          }),
    ),
  );
  return { model: m, reports, encodings: encodingInfos, choices: [...choices(m), mix(m)] };
}

/** A GGUF of it: matrices as Q4_0, the ends in an encoding that no analysis here tries, vectors in F32. */
function mix({ tensors, parameterCount }: PanelModel): ExportChoice {
  const where = (takes: (t: Tensor) => boolean) => tensors.flatMap((t, i) => (takes(t) ? [i] : []));
  const isEnd = (t: Tensor) => t.role === "embedding" || t.role === "head";
  const assigned = [
    { encoding: "q4_0", tensors: where((t) => t.shape.length > 1 && !isEnd(t)) },
    { encoding: "q6_K", tensors: where(isEnd) },
    { encoding: "f32", tensors: where((t) => t.shape.length < 2) },
  ];
  return { encoding: "mix", format: "gguf", label: "Mix", description: "", byteLength: parameterCount / 2, bitsPerWeight: 4, tensorCount: 30, assigned };
}

/** A convolutional network: no layers, no roles, modules in file order. */
export function convolutional(): Made {
  const tensors: Tensor[] = [];
  for (let block = 0; block < 6; block++) {
    for (const name of ["conv1", "conv2", "down", "bn1", "bn2"]) {
      const c = 8 << Math.min(3, block >> 1);
      tensors.push(
        tensor(
          `backbone.stage${block}.${name}.weight`,
          name.startsWith("bn") ? [c] : [c, c, 3, 3],
          name.startsWith("bn") ? "norm" : "conv",
        ),
      );
      if (name.startsWith("bn")) tensors.push(tensor(`backbone.stage${block}.${name}.bias`, [c], "bias"));
    }
  }
  tensors.push(tensor("classifier.fc.weight", [10, 64], "other"), tensor("classifier.fc.bias", [10], "bias"));
  const m = model("small-convnet", "unknown", 0, tensors);
  const reports = tensors.map((t, i) =>
    analyse(t, weights(t.shape[0], t.elementCount / t.shape[0], i, { std: 0.1, loud: i % 5 === 0 ? 1 : 0 })),
  );
  return { model: m, reports, encodings: encodingInfos, choices: [] };
}

/** Reports of one matrix each, shared under many names with their own level. */
function manyReports(tensors: readonly Tensor[]): TensorReport[] {
  const base = Array.from({ length: 24 }, (_, i) =>
    analyse(tensor("base", [64, 128], "other"), weights(64, 128, i, { std: 0.02, loud: i % 4, specks: i % 3 })),
  );
  return tensors.map((t, i) => {
    const b = base[(i * 7) % base.length];
    return t.shape.length < 2
      ? { ...b, name: t.name, output: undefined, input: undefined, outliers: undefined, heat: undefined, errors: [] }
      : { ...b, name: t.name };
  });
}

/** A mixture of experts with a tensor per expert: `layers` × (experts × 3 + 7) tensors. */
export function mixture(layers: number, experts: number): Made {
  const tensors: Tensor[] = [tensor("model.embed_tokens.weight", [1024, 128], "embedding")];
  for (let l = 0; l < layers; l++) {
    const at = `model.layers.${l}`;
    tensors.push(tensor(`${at}.input_layernorm.weight`, [128], "attn_norm", l));
    for (const role of ["q", "k", "v", "o"] as const)
      tensors.push(tensor(`${at}.self_attn.${role}_proj.weight`, [64, 128], role, l));
    tensors.push(
      tensor(`${at}.post_attention_layernorm.weight`, [128], "ffn_norm", l),
      tensor(`${at}.mlp.gate.weight`, [experts, 128], "router", l),
    );
    for (let e = 0; e < experts; e++)
      for (const role of ["gate", "up", "down"] as const)
        tensors.push(tensor(`${at}.mlp.experts.${e}.${role}_proj.weight`, [64, 128], role, l, e));
  }
  tensors.push(tensor("model.norm.weight", [128], "norm"), tensor("lm_head.weight", [1024, 128], "head"));
  const m = model("mixture", "MixtralForCausalLM", layers, tensors);
  return { model: m, reports: manyReports(tensors), encodings: encodingInfos, choices: choices(m) };
}

/** One matrix with 128,000 output channels, of which a single one, in the middle, stands out. */
export function wide(): Made {
  const t = tensor("lm_head.weight", [128_000, 8], "head");
  const x = weights(128_000, 8, 5, { std: 0.02 });
  x[64_123 * 8 + 3] = 1.5;
  const m = model("wide", "LlamaForCausalLM", 1, [t]);
  return { model: m, reports: [analyse(t, x)], encodings: encodingInfos, choices: choices(m) };
}

/** Names that would be markup, properties or formulas if anyone took them for such. */
export function hostile(): Made {
  const names = [
    "<img src=x onerror=alert(1)>",
    "__proto__",
    "constructor",
    "=cmd|' /C calc'!A0",
    "x".repeat(4000),
    "…‮rtl\u0000\n",
  ];
  const tensors = names.map((name) => tensor(name, [64, 64], "other"));
  const m = model("<b>bold</b>", "<script>alert(2)</script>", 0, tensors, [
    { code: "x", message: "<i>not italic</i>", tensor: "__proto__" },
  ]);
  return {
    model: m,
    reports: tensors.map((t, i) => analyse(t, weights(64, 64, i, { std: 0.1 }))),
    encodings: encodingInfos,
    choices: [],
  };
}

export const empty = (): Made => ({
  model: model("empty", "unknown", 0, []),
  reports: [],
  encodings: encodingInfos,
  choices: [],
});
