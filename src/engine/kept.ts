import { digestOf } from "./digest";
import type { ModelOpener, OpenModel } from "./openModel";
import { packRecord, unpackRecord } from "./record";
import { fingerprintOf } from "./recipes/fingerprint";
import type { ResultStore, Shelf } from "./stores";

/** Waiting to be kept: more than this, and the disk is too slow for it to be worth while. */
const mostWaiting = 256;

export interface Keeper {
  readonly results?: ResultStore;
  readonly build: string;
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

  async recall(name: string): Promise<unknown> {
    const bytes = await this.#shelf.read(name);
    const record = bytes && (unpackRecord(bytes) as { readonly name?: unknown; readonly value?: unknown } | undefined);
    return record?.name === name ? record.value : undefined;
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
      for (const record of batch) await this.#shelf.write(record.name, packRecord(record));
    }
  }
}

/** Any change of a file of the model, by its stamp, makes what was kept void. Undefined where nothing is kept. */
export async function openKept({ model, what, options }: Measured, { results, build, opener }: Keeper): Promise<Kept | undefined> {
  if (!results) return undefined;
  const stamps = [...model.stamps].map(([file, stamp]) => `${file}|${stamp}`);
  const subject = digestOf(what, model.index.path, ...options);
  const key = digestOf(build, await fingerprintOf(model), ...stamps);
  return new Kept(await results.shelf(subject, key), () => opener.isUnchanged(model));
}
