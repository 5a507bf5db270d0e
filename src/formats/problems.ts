import { EngineError } from "../core/errors";
import type { ModelIndex, Problem } from "../core/model";

/** A hostile header can make a problem of each of a million tensors; a person reads a handful. */
const keptPerCode = 50;

/** Collects what is wrong with a file; keeps the first of a kind and counts the rest. */
export class Problems {
  #kept: Problem[] = [];
  #counts = new Map<string, number>();

  add(code: string, message: string, tensor?: string): void {
    const count = (this.#counts.get(code) ?? 0) + 1;
    this.#counts.set(code, count);
    if (count <= keptPerCode) this.#kept.push(tensor === undefined ? { code, message } : { code, message, tensor });
  }

  list(): Problem[] {
    const more = [...this.#counts].filter(([, count]) => count > keptPerCode);
    return [
      ...this.#kept,
      ...more.map(([code, count]) => ({ code, message: `… and ${count - keptPerCode} more of the kind “${code}”.` })),
    ];
  }
}

/** Of these the file shows less than the model has. */
const missing = new Set(["shard-missing", "bad-shard", "bad-header", "tensor-missing"]);

/** Throws "unsupported" where parts of the model are missing: a copy of the rest would pass for the whole. */
export function refuseIncomplete(index: Pick<ModelIndex, "path" | "problems">): void {
  const damage = index.problems.find((p) => missing.has(p.code));
  if (damage) throw new EngineError("unsupported", `The model is not complete and cannot be exported. ${damage.message}`, { file: index.path });
}
