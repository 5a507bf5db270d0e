import type { ModelFolder } from "../core/bytes";
import { EngineError, toEngineError } from "../core/errors";
import type { ModelIndex } from "../core/model";
import type { Format } from "../formats/format";
import { describeHead, findImpostor } from "../formats/impostors";
import type { EngineDeps } from "./deps";
import { fingerprintOf } from "./fingerprint";

/** A model's header, and what is needed to go on from it. */
export interface OpenModel {
  readonly format: Format;
  readonly folder: ModelFolder;
  /** Main file's name in `folder`. */
  readonly name: string;
  readonly index: ModelIndex;
  /** Absolute path → stamp, of every file that the index was made from, as they were when it was read. */
  readonly stamps: ReadonlyMap<string, string | undefined>;
  /** A name for its content. */
  fingerprint(): Promise<string>;
}

/** Indexes of very large models take tens of megabytes. */
const keptModels = 4;

/** Opens models and remembers the last few until one of their files changes. */
export class ModelOpener {
  readonly #kept = new Map<string, OpenModel>();
  readonly #opening = new Map<string, Promise<OpenModel>>();

  constructor(readonly deps: Pick<EngineDeps, "files" | "formats" | "annotate" | "digest">) {}

  /** Headers only. Throws "not-recognised" when no format claims the file. */
  async open(path: string): Promise<OpenModel> {
    const { folder, name } = await this.deps.files.locate(path);
    const key = this.deps.files.join(folder, name);
    const kept = this.#kept.get(key);
    if (kept && (await this.isUnchanged(kept))) return kept;
    let opening = this.#opening.get(key);
    if (!opening) {
      opening = this.#read(folder, name, key).finally(() => this.#opening.delete(key));
      this.#opening.set(key, opening);
    }
    return opening;
  }

  /** Are the model's files still the ones its index was read from? */
  async isUnchanged(model: OpenModel): Promise<boolean> {
    const now = await Promise.all([...model.stamps.keys()].map((file) => this.deps.files.stamp(file)));
    return [...model.stamps.values()].every((stamp, i) => stamp === now[i]);
  }

  /** Not remembered: for reading back what was just written. */
  async openOnce(folderPath: string, name: string): Promise<OpenModel> {
    const { files, formats, annotate, digest } = this.deps;
    const main = files.join(folderPath, name);
    const before = await files.stamp(main);
    const folder = await files.openFolder(folderPath);
    const format = await recognise(formats, folder, name);
    const index = annotate(await format.readIndex(folder, name));
    const others = index.files.map((f) => files.join(folderPath, f)).filter((f) => f !== main);
    const stamps = await Promise.all(others.map((f) => files.stamp(f)));
    return {
      format, folder, name, index,
      stamps: new Map([[main, before], ...others.map((f, i) => [f, stamps[i]] as const)]),
      fingerprint: fingerprintOf({ index, folder }, digest),
    };
  }

  async #read(folderPath: string, name: string, key: string): Promise<OpenModel> {
    const model = await this.openOnce(folderPath, name);
    this.#kept.delete(key);
    this.#kept.set(key, model);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= keptModels) break;
      this.#kept.delete(oldest);
    }
    return model;
  }
}

/** Formats are asked by name and by the first 64 bytes. */
async function recognise(formats: readonly Format[], folder: ModelFolder, name: string): Promise<Format> {
  const source = await folder.open(name);
  let head: Uint8Array;
  try {
    head = await source.read(0, Math.min(64, source.size));
  } catch (error) {
    throw toEngineError(error, { file: source.path });
  } finally {
    await source.close();
  }
  // What the bytes say counts more than the name: a GGUF under another format's name opens as what it is.
  const byContent = formats.find((f) => f.sniff("", head));
  const impostor = byContent ? undefined : findImpostor(head);
  if (impostor) throw new EngineError(impostor.code, impostor.message, { file: source.path });
  const format = byContent ?? formats.find((f) => f.sniff(name, head));
  if (format) return format;
  const expected = formats.map((f) => `${f.label} (${f.extensions.join(", ")})`).join(", ");
  throw new EngineError(
    "not-recognised",
    `This is no model that Bitlens reads: the file begins with ${describeHead(head)}. It reads ${expected}.`,
    { file: source.path },
  );
}
