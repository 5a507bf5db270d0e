import type { Problem } from "../core/model";

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
