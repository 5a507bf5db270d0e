import type { PanelModel } from "../../src/core/api/panel";
import type { TensorRole } from "../../src/core/model";

export type PanelTensor = PanelModel["tensors"][number];

export function tensor(name: string, options: Partial<PanelTensor> & { role?: TensorRole } = {}): PanelTensor {
  const shape = options.shape ?? [64, 64];
  const elementCount = shape.reduce((a, b) => a * b, 1);
  return {
    name,
    shape,
    elementCount,
    encodingLabel: "BF16",
    byteLength: 2 * elementCount,
    bitsPerWeight: 16,
    role: "other",
    group: name.split(".").slice(0, -2).join("."),
    ...options,
  };
}

export function panelModel(tensors: readonly PanelTensor[], path = "/m/model.safetensors"): PanelModel {
  return {
    format: "safetensors",
    path,
    folder: "/m",
    files: ["model.safetensors"],
    byteLength: tensors.reduce((n, t) => n + t.byteLength, 0),
    architecture: "LlamaForCausalLM",
    layerCount: 2,
    parameterCount: tensors.reduce((n, t) => n + t.elementCount, 0),
    tensors,
    metadata: [],
    problems: [],
  };
}

/** Embedding, `layers` blocks of q, k, down and a norm, a last norm and a head. */
export function blocks(layers: number, prefix = "model.layers"): PanelTensor[] {
  const tensors = [tensor("model.embed.weight", { role: "embedding" })];
  for (let layer = 0; layer < layers; layer++) {
    for (const role of ["q", "k", "down"] as const) tensors.push(tensor(`${prefix}.${layer}.${role}.weight`, { role, layer }));
    tensors.push(tensor(`${prefix}.${layer}.norm.weight`, { role: "attn_norm", layer, shape: [64] }));
  }
  return [...tensors, tensor("model.norm.weight", { role: "norm", shape: [64] }), tensor("lm_head.weight", { role: "head" })];
}
