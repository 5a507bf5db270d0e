import type { FormatName, TensorRole } from "../core/model";
import type { SensitivityTable, SensitivityTensor } from "../core/sensitivity";
import type { BudgetItem } from "./items";
import { JsonReader } from "./json";

export type { SensitivityCandidate, SensitivityTable, SensitivityTensor } from "../core/sensitivity";

/** Models have fewer tensors, and targets fewer encodings. */
const mostTensors = 1_000_000;
const mostCandidates = 1000;
/** Characters of a table: 1000 tensors × 20 candidates take about 2 MB. */
const longestTable = 400_000_000;

export const tensorRoles: readonly TensorRole[] = [
  "embedding",
  "q",
  "k",
  "v",
  "qkv",
  "o",
  "gate",
  "up",
  "gate_up",
  "down",
  "attn_norm",
  "ffn_norm",
  "norm",
  "head",
  "router",
  "bias",
  "conv",
  "other",
];
export const formatNames: readonly FormatName[] = ["safetensors", "gguf", "onnx"];

export function serializeSensitivity(table: SensitivityTable): string {
  return JSON.stringify(table);
}

/** EngineError "malformed" that names the field; `file` is for the message. */
export function parseSensitivity(text: string, file?: string): SensitivityTable {
  const root = JsonReader.parse(text, { what: "sensitivity table", limit: longestTable, file });
  if (root.field("version").value !== 1) root.field("version").fail("1 (the table is of another version; measure again)");
  const model = root.field("model");
  return {
    version: 1,
    model: { fingerprint: model.field("fingerprint").text(), ...optional("name", model.field("name"), (r) => r.text()) },
    target: root.field("target").oneOf(formatNames),
    fixedBytes: root.field("fixedBytes").integer(),
    tensors: root.field("tensors").items(mostTensors).map(parseTensor),
  };
}

function parseTensor(r: JsonReader): SensitivityTensor {
  return {
    name: r.field("name").text(65536),
    elementCount: r.field("elementCount").integer(1),
    currentBytes: r.field("currentBytes").integer(),
    ...optional("sumOfSquares", r.field("sumOfSquares"), (f) => f.amount()),
    ...optional("role", r.field("role"), (f) => f.oneOf(tensorRoles)),
    ...optional("layer", r.field("layer"), (f) => f.integer()),
    ...optional("expert", r.field("expert"), (f) => f.integer()),
    candidates: r
      .field("candidates")
      .items(mostCandidates)
      .map((c) => ({
        encoding: c.field("encoding").text(),
        bytes: c.field("bytes").integer(),
        squaredError: c.field("squaredError").amount(),
        ...optional("weightedSquaredError", c.field("weightedSquaredError"), (f) => f.amount()),
      })),
  };
}

function optional<K extends string, T>(key: K, reader: JsonReader, read: (reader: JsonReader) => T): { [P in K]?: T } {
  return reader.present ? ({ [key]: read(reader) } as { [P in K]: T }) : {};
}

/** Does every candidate of every tensor have a weighted error? */
export function isWeighted(table: SensitivityTable): boolean {
  return table.tensors.every((t) => t.candidates.every((c) => c.weightedSquaredError !== undefined));
}

/** The table as the solver takes it; weighted errors where every candidate has one, unless `weighted` is false. */
export function budgetItems(table: SensitivityTable, weighted = isWeighted(table)): BudgetItem[] {
  return table.tensors.map(({ name, elementCount, role, layer, expert, candidates }) => ({
    name,
    elementCount,
    role,
    layer,
    expert,
    candidates: candidates.map(({ encoding, bytes, squaredError, weightedSquaredError }) => ({
      encoding,
      bytes,
      error: weighted ? (weightedSquaredError ?? squaredError) : squaredError,
    })),
  }));
}

/** A budget as a person states it: total file bytes, or bits per quantizable weight. Returns bytes for the solver. */
export function budgetBytes(
  table: SensitivityTable,
  budget: { readonly fileBytes: number } | { readonly bitsPerWeight: number },
): number {
  if ("fileBytes" in budget) return Math.floor(budget.fileBytes - table.fixedBytes);
  const elements = table.tensors.reduce((sum, t) => sum + t.elementCount, 0);
  return Math.floor((budget.bitsPerWeight * elements) / 8);
}
