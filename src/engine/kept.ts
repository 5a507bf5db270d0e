import type { EngineDeps } from "./deps";
import type { ModelOpener, OpenModel } from "./openModel";
import type { Shelf } from "./stores";

/** Waiting to be kept: more than this, and the disk is too slow for it to be worth while. */
const mostWaiting = 256;

export interface Keeper extends Pick<EngineDeps, "results" | "build" | "digest"> {
  readonly opener: ModelOpener;
}

/** What is measured of one model under the same options. */
export interface Measured {
  readonly model: OpenModel;
  /** "reports", "sensitivity". */
  readonly what: string;
  /** Everything else that the results depend on. */
  readonly options: readonly string[];
}

/** Results by tensor that outlive the process: of this content, these options and this code alone. */
export class Kept {
  readonly #shelf: Shelf;
  readonly #isCurrent: () => Promise<boolean>;
  #waiting: { readonly name: string; readonly value: unknown }[] = [];
  #writing: Promise<void> | undefined;
  #isVoid = false;

  constructor(shelf: Shelf, isCurrent: () => Promise<boolean>) {
    this.#shelf = shelf;
    this.#isCurrent = isCurrent;
  }

  recall(name: string): Promise<unknown> {
    return this.#shelf.read(name);
  }

  /** Returns at once. */
  keep(name: string, value: unknown): void {
    if (this.#isVoid || this.#waiting.length >= mostWaiting) return;
    this.#waiting.push({ name, value });
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined));
  }

  /** Resolves when everything is kept. */
  async settle(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#waiting.length) {
      const batch = this.#waiting;
      this.#waiting = [];
      // Measured while the file was being replaced, perhaps: of neither content.
      if (!(await this.#isCurrent())) this.#isVoid = true;
      if (this.#isVoid) return;
      for (const { name, value } of batch) await this.#shelf.write(name, value);
    }
  }
}

/** Any change of a file of the model, by its stamp, makes what was kept void. Undefined where nothing is kept. */
export async function openKept({ model, what, options }: Measured, { results, build, digest, opener }: Keeper): Promise<Kept | undefined> {
  if (!results) return undefined;
  const stamps = [...model.stamps].map(([file, stamp]) => `${file}|${stamp}`);
  const subject = digest([what, model.index.path, ...options]);
  const key = digest([build, await model.fingerprint(), ...stamps]);
  return new Kept(await results.shelf(subject, key), () => opener.isUnchanged(model));
}
