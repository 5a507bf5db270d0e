import type { SensitivityTable, SensitivityTensor } from "../../src/core/sensitivity";
import type { FormatName, TensorRole } from "../../src/core/model";

/** Errors fall fourfold per bit, scaled by the tensor's loudness. */
export function sensitiveTensor(
  name: string,
  { elements = 1000, loud = 1, role = "other" as TensorRole, layer = undefined as number | undefined, bits = [2, 4, 8] } = {},
): SensitivityTensor {
  const candidates = bits.map((b) => ({ encoding: `b${b}`, bytes: (elements * b) / 8, squaredError: loud * elements * 4 ** -b }));
  const kept = { encoding: "keep", bytes: 2 * elements, squaredError: 0 };
  return { name, elementCount: elements, currentBytes: 2 * elements, role, layer, candidates: [...candidates, kept] };
}

export function sensitivityTable(tensors: readonly SensitivityTensor[], target: FormatName = "gguf", fixedBytes = 100): SensitivityTable {
  return { version: 1, model: { fingerprint: "f", name: "m" }, target, fixedBytes, tensors };
}
