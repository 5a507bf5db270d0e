import type { ModelFolder } from "../../core/bytes";
import { EngineError, toEngineError } from "../../core/errors";
import type { Problems } from "../problems";
import { quote } from "../text";
import { mostTensors, readHeader, type StoredTensor, tooManyTensors } from "./header";
import { findShards, type ShardSet } from "./shards";

/** Open files at a time while headers are read. */
const parallelReads = 8;

/** A stored tensor and the file it is in. */
export interface PlacedTensor extends StoredTensor {
  /** Index into `Store.files`. */
  readonly file: number;
}

/** All headers of a model, before anything is made of them. */
export interface Store {
  readonly shards: ShardSet;
  /** Relative names of the files that could be read. */
  readonly files: readonly string[];
  readonly sizes: readonly number[];
  /** By name. Insertion order is file order. */
  readonly tensors: ReadonlyMap<string, PlacedTensor>;
  readonly metadata: readonly (readonly [key: string, value: string])[];
  /** `__metadata__` of each file. */
  readonly fileMetadata: readonly (readonly (readonly [key: string, value: string])[])[];
}

/** Reads the headers of all files. Throws what went wrong with the first when none can be read. */
export async function readStore(folder: ModelFolder, name: string, problems: Problems): Promise<Store> {
  const shards = await findShards(folder, name, problems);
  const results: Awaited<ReturnType<typeof readOne>>[] = [];
  for (let i = 0; i < shards.files.length; i += parallelReads) {
    results.push(...(await Promise.all(shards.files.slice(i, i + parallelReads).map((file) => readOne(folder, file, problems)))));
  }
  const read = results.flatMap((r) => (r.kind === "read" ? [r] : []));
  const failed = results.flatMap((r) => (r.kind === "failed" ? [r] : []));
  if (!read.length) {
    if (!shards.indexName || failed.some(({ error }) => error.code !== "not-found")) throw failed[0].error;
    const none = failed.length === 1 ? `The file ${quote(failed[0].file)}` : `None of the ${failed.length} files`;
    const example = failed.length === 1 ? ", which the index names, is not" : ` that the index names (${quote(failed[0].file)}, …) is`;
    throw new EngineError("not-found", `${none}${example} in its folder; download the weights there.`, {
      file: `${folder.path}/${shards.indexName}`,
    });
  }
  for (const { file, error } of failed) {
    const lost = shards.placement ? [...shards.placement.values()].filter((f) => f === file).length : 0;
    const which = lost ? ` Its ${lost} ${lost === 1 ? "tensor is" : "tensors are"} not shown.` : "";
    problems.add(
      error.code === "not-found" ? "shard-missing" : "bad-shard",
      `Part ${quote(file)} cannot be read: ${error.describe()}${which}`,
    );
  }
  const tensors = new Map<string, PlacedTensor>();
  const metadata = new Map<string, string>();
  for (const [index, { file, header }] of read.entries()) {
    for (const [key, value] of header.metadata) if (!metadata.has(key)) metadata.set(key, value);
    for (const tensor of header.tensors) {
      const other = tensors.get(tensor.name);
      const place = shards.placement?.get(tensor.name);
      if (other) {
        problems.add(
          "duplicate-name",
          `Tensor ${quote(tensor.name)} is in ${quote(read[other.file].file)} and in ${quote(file)}.`,
          tensor.name,
        );
        if (place !== file) continue;
      } else if (shards.placement && place !== file) {
        const says = place === undefined ? "does not list it" : `expects it in ${quote(place)}`;
        problems.add("not-in-index", `Tensor ${quote(tensor.name)} is in ${quote(file)} and the index ${says}.`, tensor.name);
      }
      tensors.set(tensor.name, { ...tensor, file: index });
      if (tensors.size > mostTensors) throw tooManyTensors(`${folder.path}/${name}`);
    }
  }
  if (shards.placement) {
    const readable = new Set(read.map((r) => r.file));
    for (const [tensor, file] of shards.placement) {
      if (readable.has(file) && !tensors.has(tensor)) {
        problems.add(
          "tensor-missing",
          `The index places tensor ${quote(tensor)} in ${quote(file)}, which does not have it.`,
          tensor,
        );
      }
    }
  }
  return {
    shards,
    files: read.map((r) => r.file),
    sizes: read.map((r) => r.size),
    tensors,
    metadata: [...metadata],
    fileMetadata: read.map((r) => r.header.metadata),
  };
}

async function readOne(folder: ModelFolder, file: string, problems: Problems) {
  try {
    const source = await folder.open(file);
    try {
      return { kind: "read" as const, file, size: source.size, header: await readHeader(source, problems) };
    } finally {
      await source.close();
    }
  } catch (error) {
    return { kind: "failed" as const, file, error: error instanceof EngineError ? error : toEngineError(error, { file }) };
  }
}
