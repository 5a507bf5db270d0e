/** The smallest safetensors files that show a point. */

export interface TensorSpec {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Content; zeros of the right length when absent. */
  readonly data?: Uint8Array;
}

const bitsOf: Record<string, number> = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
};

export const sizeOf = ({ dtype, shape }: TensorSpec): number => (shape.reduce((a, b) => a * b, 1) * bitsOf[dtype]) / 8;

/** A header of this JSON, not padded, and data. `length` overrides what the first 8 bytes say. */
export function rawSafetensors(header: string | Uint8Array, data: Uint8Array | number = 0, length?: bigint): Uint8Array {
  const json = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + json.length + (typeof data === "number" ? data : data.length));
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(json.length), true);
  bytes.set(json, 8);
  if (typeof data !== "number") bytes.set(data, 8 + json.length);
  return bytes;
}

/** Header and total size of a file with these tensors one after the other; the data stays zero. */
export function safetensorsHead(
  tensors: Readonly<Record<string, TensorSpec>>,
  metadata?: Record<string, string>,
): { head: Uint8Array; size: number } {
  let offset = 0;
  const entries = Object.entries(tensors).map(([name, spec]) => {
    const begin = offset;
    offset += sizeOf(spec);
    const shape = JSON.stringify(spec.shape);
    return `${JSON.stringify(name)}:{"dtype":"${spec.dtype}","shape":${shape},"data_offsets":[${begin},${offset}]}`;
  });
  if (metadata) entries.unshift(`"__metadata__":${JSON.stringify(metadata)}`);
  const json = `{${entries.join(",")}}`;
  const head = rawSafetensors(json.padEnd(Math.ceil(json.length / 8) * 8));
  return { head, size: head.length + offset };
}

/** A whole file. */
export function safetensorsFile(tensors: Readonly<Record<string, TensorSpec>>, metadata?: Record<string, string>): Uint8Array {
  const { head, size } = safetensorsHead(tensors, metadata);
  const bytes = new Uint8Array(size);
  bytes.set(head);
  let at = head.length;
  for (const spec of Object.values(tensors)) {
    if (spec.data) bytes.set(spec.data, at);
    at += sizeOf(spec);
  }
  return bytes;
}

export interface LlamaShape {
  readonly layers: number;
  readonly hidden: number;
  readonly keyValue: number;
  readonly feedForward: number;
  readonly vocabulary: number;
  readonly shards: number;
}

/** Llama 2 70B: 723 tensors, 138 GB in bf16. */
export const llama70B: LlamaShape = {
  layers: 80,
  hidden: 8192,
  keyValue: 1024,
  feedForward: 28672,
  vocabulary: 32000,
  shards: 30,
};

/** A Llama of any size as sparse shards with index and config.json: [name, content] of each file. */
export function* sparseLlama(shape: LlamaShape): Generator<[name: string, content: string | { head: Uint8Array; size: number }]> {
  const { layers, hidden, keyValue, feedForward, vocabulary, shards } = shape;
  const bf16 = (...dims: number[]): TensorSpec => ({ dtype: "BF16", shape: dims });
  const all: [string, TensorSpec][] = [["model.embed_tokens.weight", bf16(vocabulary, hidden)]];
  for (let i = 0; i < layers; i++) {
    const layer = `model.layers.${i}`;
    all.push(
      [`${layer}.input_layernorm.weight`, bf16(hidden)],
      [`${layer}.mlp.down_proj.weight`, bf16(hidden, feedForward)],
      [`${layer}.mlp.gate_proj.weight`, bf16(feedForward, hidden)],
      [`${layer}.mlp.up_proj.weight`, bf16(feedForward, hidden)],
      [`${layer}.post_attention_layernorm.weight`, bf16(hidden)],
      [`${layer}.self_attn.k_proj.weight`, bf16(keyValue, hidden)],
      [`${layer}.self_attn.o_proj.weight`, bf16(hidden, hidden)],
      [`${layer}.self_attn.q_proj.weight`, bf16(hidden, hidden)],
      [`${layer}.self_attn.v_proj.weight`, bf16(keyValue, hidden)],
    );
  }
  all.push(["model.norm.weight", bf16(hidden)], ["lm_head.weight", bf16(vocabulary, hidden)]);
  const from = (shard: number) => Math.floor((shard * all.length) / shards);
  const map: Record<string, string> = {};
  for (let i = 0; i < shards; i++) {
    const name = `model-${String(i + 1).padStart(5, "0")}-of-${String(shards).padStart(5, "0")}.safetensors`;
    const part = all.slice(from(i), from(i + 1));
    for (const [tensor] of part) map[tensor] = name;
    yield [name, safetensorsHead(Object.fromEntries(part), { format: "pt" })];
  }
  yield ["model.safetensors.index.json", JSON.stringify({ metadata: { total_size: 1 }, weight_map: map })];
  yield [
    "config.json",
    JSON.stringify({
      architectures: ["LlamaForCausalLM"],
      model_type: "llama",
      hidden_size: hidden,
      num_hidden_layers: layers,
      torch_dtype: "bfloat16",
    }),
  ];
}
