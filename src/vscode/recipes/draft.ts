import { findNodeAtLocation, getNodeValue, type Node, parseTree } from "jsonc-parser";
import type { FormatName, TensorRole } from "../../core/model";

/** A rule as far as it is written; what is missing or of another type is undefined. */
export interface DraftRule {
  readonly match?: string;
  readonly role?: TensorRole;
  readonly encoding?: string;
  readonly fallback: readonly string[];
  readonly group?: number;
  readonly method?: string;
}

/** A recipe while it is edited: every part that makes sense so far. */
export interface Draft {
  readonly target?: FormatName;
  readonly model?: { readonly name?: string; readonly fingerprint?: string };
  readonly rules: readonly DraftRule[];
  readonly tree: Node | undefined;
}

const formats: readonly unknown[] = ["safetensors", "gguf", "onnx"];
const text = (value: unknown) => (typeof value === "string" ? value : undefined);

/** Never throws, whatever the text is. */
export function readDraft(source: string): Draft {
  const tree = parseTree(source, [], { allowTrailingComma: true, disallowComments: false });
  const at = (...path: (string | number)[]): unknown => {
    const node = tree && findNodeAtLocation(tree, path);
    return node && getNodeValue(node);
  };
  const rules = tree && findNodeAtLocation(tree, ["rules"]);
  const model = at("model");
  const target = at("target");
  return {
    ...(formats.includes(target) && { target: target as FormatName }),
    ...(isRecord(model) && { model: { name: text(model.name), fingerprint: text(model.fingerprint) } }),
    rules: rules?.type === "array" ? (rules.children ?? []).map((node) => ruleOf(getNodeValue(node))) : [],
    tree,
  };
}

function ruleOf(value: unknown): DraftRule {
  if (!isRecord(value)) return { fallback: [] };
  const { fallback, group } = value;
  return {
    match: text(value.match),
    role: text(value.role) as TensorRole | undefined,
    encoding: text(value.encoding),
    fallback: Array.isArray(fallback) ? fallback.filter((e) => typeof e === "string") : [],
    group: Number.isSafeInteger(group) && (group as number) > 0 ? (group as number) : undefined,
    method: text(value.method),
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
