import type { ModelFolder } from "../../core/bytes";
import { EngineError, toEngineError } from "../../core/errors";
import type { Problems } from "../problems";
import { quote } from "../text";
import { isObject, own } from "./config";

/** An index names every tensor: a million names of a hundred bytes. */
const largestIndex = 128 * 1024 * 1024;
/** The largest published sets have under 300 files; each costs an open file while its header is read. */
const mostShards = 5000;

const shardPattern = /^(.*)-(\d{5,6})-of-(\d{5,6})\.safetensors$/;
export const indexEnding = ".safetensors.index.json";

/** The files of a model. */
export interface ShardSet {
  /** Relative names, sorted. */
  readonly files: readonly string[];
  /** Where the index says each tensor is; absent without an index. */
  readonly placement?: ReadonlyMap<string, string>;
  /** The index's own name. */
  readonly indexName?: string;
}

/** Which files make up the model that `name` stands for: an index, one of several shards, or a single file. */
export async function findShards(folder: ModelFolder, name: string, problems: Problems): Promise<ShardSet> {
  if (name.endsWith(indexEnding)) return readShardIndex(folder, name);
  const shard = shardPattern.exec(name);
  if (!shard) return { files: [name] };
  const [, stem, , count] = shard;
  const names = await folder.list();
  const indexName = stem + indexEnding;
  if (names.includes(indexName)) {
    try {
      const set = await readShardIndex(folder, indexName);
      if (set.files.includes(name)) return set;
    } catch (error) {
      problems.add("bad-index", `The index beside the file cannot be read: ${toEngineError(error).describe()}`);
    }
  }
  const siblings = names.filter((n) => {
    const other = shardPattern.exec(n);
    return other?.[1] === stem && other[3] === count;
  });
  if (siblings.length < Number(count)) {
    problems.add(
      "shard-missing",
      `${siblings.length} of ${Number(count)} parts of the model are in the folder; download the others.`,
    );
  }
  return { files: siblings.length ? siblings : [name] };
}

async function readShardIndex(folder: ModelFolder, name: string): Promise<ShardSet> {
  const place = { file: `${folder.path}/${name}` };
  let json: unknown;
  try {
    json = JSON.parse(await folder.readText(name, largestIndex));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new EngineError("malformed", `The index is not JSON: ${error.message}.`, place);
  }
  const map = isObject(json) ? own(json, "weight_map") : undefined;
  if (!isObject(map))
    throw new EngineError("malformed", "The index has no weight_map, which says in which file each tensor is.", place);
  const placement = new Map<string, string>();
  const files = new Set<string>();
  for (const [tensor, file] of Object.entries(map)) {
    if (typeof file !== "string")
      throw new EngineError("malformed", `The index places tensor ${quote(tensor)} in no file.`, place);
    placement.set(tensor, file);
    files.add(file);
    if (files.size > mostShards) {
      throw new EngineError("too-large", `The index names more than ${mostShards} files.`, place);
    }
  }
  if (files.size === 0) throw new EngineError("malformed", "The index names no tensors.", place);
  return { files: [...files].sort(), placement, indexName: name };
}
