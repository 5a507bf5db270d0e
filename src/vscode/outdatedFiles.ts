import type { OutdatedFile } from "../core/api/panel";

/** Files that are otherwise than they were when they were looked at last: absolute paths. */
export interface FilesFound {
  /** With another content. */
  readonly changed: readonly string[];
  readonly gone: readonly string[];
  /** There again, as they were before they were gone. */
  readonly back: readonly string[];
}

/** The files that are no longer as they were when what is shown was read from them. */
export class OutdatedFiles {
  readonly #changed = new Set<string>();
  readonly #gone = new Set<string>();

  /** By name, as a person is told. */
  get list(): readonly OutdatedFile[] {
    return [...new Set([...this.#changed, ...this.#gone])].map((file) => ({ name: file.split(/[\\/]/).pop()!, gone: this.#gone.has(file) }));
  }

  /** True for the first content that was replaced by another: who has been told of one need not be told of more. */
  note({ changed, gone, back }: FilesFound): boolean {
    const first = this.#changed.size === 0 && changed.length > 0;
    for (const file of gone) this.#gone.add(file);
    for (const file of [...changed, ...back]) this.#gone.delete(file);
    for (const file of changed) this.#changed.add(file);
    return first;
  }

  /** Everything is read anew. */
  clear(): void {
    this.#changed.clear();
    this.#gone.clear();
  }
}
