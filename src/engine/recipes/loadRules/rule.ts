import type { FormatName, ModelIndex, TensorInfo } from "../../../core/model";
import { keep } from "../../../core/recipe";

/** What would be written. */
export interface Choice {
  readonly tensors: readonly TensorInfo[];
  /** The source's own. */
  readonly metadata: ModelIndex["metadata"];
  /** "keep" for tensors that stay. */
  encodingOf(tensor: string): string;
  /** Could the tensor take this encoding? */
  holds(tensor: string, encoding: string): boolean;
}

/** "These tensors take this encoding instead." */
export interface Remedy {
  readonly tensors: readonly string[];
  readonly encoding: string;
}

export interface LoadFinding {
  /** One sentence that says what is wrong and what to change. */
  readonly message: string;
  /** Names of the tensors that it is about. */
  readonly tensors: readonly string[];
  /** Best first. */
  readonly remedies?: readonly Remedy[];
}

/** Something that a runtime refuses or does badly, though the file is well formed. */
export interface LoadRule {
  readonly code: string;
  readonly format: FormatName;
  readonly severity: "error" | "warning";
  readonly runtime: string;
  /** Where the runtime says so. */
  readonly source: string;
  check(choice: Choice): LoadFinding[];
}

/** What a rule says of all tensors whose encoding is of a kind, at once; nothing where there is none. */
export function about(
  { tensors, encodingOf }: Choice,
  concerns: (encoding: string, tensor: TensorInfo) => boolean,
  say: (names: string, found: readonly TensorInfo[]) => Omit<LoadFinding, "tensors">,
): LoadFinding[] {
  const found = tensors.filter((t) => encodingOf(t.name) !== keep && concerns(encodingOf(t.name), t));
  return found.length ? [{ ...say(named(found), found), tensors: found.map((t) => t.name) }] : [];
}

/** "a, b, c and 4 more". */
export function named(tensors: readonly TensorInfo[]): string {
  return (
    tensors
      .slice(0, 3)
      .map((t) => t.name)
      .join(", ") + (tensors.length > 3 ? ` and ${tensors.length - 3} more` : "")
  );
}
