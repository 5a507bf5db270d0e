import type { RecipeFacts, RecipeTensorFacts } from "../../src/core/api/engine";
import type { TensorRole } from "../../src/core/model";
import type { SensitivityTable } from "../../src/core/sensitivity";
import type { Knowledge } from "../../src/vscode/recipes/reach";

const modules: readonly (readonly [role: TensorRole, module: string, kind: number])[] = [
  ["q", "self_attn.q_proj", 0],
  ["k", "self_attn.k_proj", 0],
  ["v", "self_attn.v_proj", 0],
  ["down", "mlp.down_proj", 1],
];

/** 64 × 256 at 16 bits. */
const elements = 64 * 256;
const bytesBefore = 2 * elements;
const sized = (encoding: string, bits: number, as = encoding) => ({ encoding, as, bytes: (elements * bits) / 8 });

/**
 * Two blocks of q, k, v and down, and an embedding, on their way into a GGUF. Down cannot take q4_K; q3_K exists for nothing.
 * Errors fall fourfold with each bit.
 */
export function recipeKnowledge({ measured = true } = {}): Knowledge {
  const blocks = [0, 1].flatMap((layer) =>
    modules.map(([role, module, kind]): RecipeTensorFacts =>
      tensor(`model.layers.${layer}.${module}.weight`, role, kind, layer),
    ),
  );
  const facts: RecipeFacts = {
    target: "gguf",
    targets: ["safetensors", "gguf"],
    model: { name: "model.safetensors", fingerprint: "f00d" },
    tensors: [tensor("model.embed_tokens.weight", "embedding", 0), ...blocks],
    kinds: [
      [sized("q4_0", 4.5), sized("q4_K", 4.5), sized("q8_0", 8.5), sized("int4-g32", 5, "int4-g32-bf16")],
      [sized("q4_0", 4.5), sized("q8_0", 8.5)],
    ],
  };
  return { facts, ...(measured && { table: tableOf(facts) }) };
}

function tensor(name: string, role: TensorRole, kind: number, layer?: number): RecipeTensorFacts {
  return {
    name,
    role,
    ...(layer !== undefined && { layer }),
    kind,
    shape: [64, 256],
    encodingLabel: "BF16",
    byteLength: bytesBefore,
    keptBytes: bytesBefore,
  };
}

function tableOf({ tensors, kinds, target, model }: RecipeFacts): SensitivityTable {
  return {
    version: 1,
    model,
    target,
    fixedBytes: 0,
    tensors: tensors.map(({ name, role, layer, kind }) => ({
      name,
      role,
      layer,
      elementCount: elements,
      currentBytes: bytesBefore,
      sumOfSquares: elements,
      candidates: kinds[kind]
        .filter((k) => !k.encoding.startsWith("int"))
        .map(({ as: encoding, bytes }) => ({ encoding, bytes, squaredError: elements * 4 ** -((8 * bytes) / elements - 0.5) })),
    })),
  };
}
