import type { ByteSink, ModelFolder } from "../core/bytes";
import type { DeviceInfo } from "../core/api/engine";
import type { ModelIndex } from "../core/model";
import type { Format } from "../formats/format";
import type { Pool } from "./tasks";

/** What the engine needs of the machine. `src/node` provides it; tests provide fakes. */
export interface EngineDeps {
  readonly formats: readonly Format[];
  /** Fills in roles, layers and groups. */
  annotate(index: ModelIndex): ModelIndex;
  readonly files: EngineFiles;
  /** Starts nothing. */
  device(): DeviceInfo;
  /** Starts the worker threads. Called once, on the first call that needs them. */
  createPool(): Pool;
  /** Seconds, monotonic. */
  now(): number;
}

export interface EngineFiles {
  /** What a person named, as an absolute folder and the model's main file in it. Throws "not-found" and "bad-request". */
  locate(path: string): Promise<{ readonly folder: string; readonly name: string }>;
  openFolder(path: string): Promise<ModelFolder>;
  /** Changes whenever the file's content may have (size, time, identity); undefined when there is no such file. */
  stamp(path: string): Promise<string | undefined>;
  /** Do both lead to the same file or folder? False when either does not exist. */
  isSame(a: string, b: string): Promise<boolean>;
  isFolder(path: string): Promise<boolean>;
  /** Absolute path as parts: the folder that will hold it, and its name. */
  split(path: string): { readonly path: string; readonly parent: string; readonly name: string };
  join(folder: string, name: string): string;
  /** Bytes a person may still write to the disk that holds this folder. */
  freeBytes(folder: string): Promise<number>;
  /** A small text kept earlier for the model in this folder, by name; undefined when there is none. */
  readKept(folder: string, name: string): Promise<string | undefined>;
  /** Keeps a small text beside the model, or in the user's cache where the folder cannot be written to. Failing is not an error. */
  keep(folder: string, name: string, text: string): Promise<void>;
  /** Prepares an output beside its final place. Throws "not-found" when the folder that should hold it does not exist. */
  stage(output: OutputPlace, names: readonly string[]): Promise<Staging>;
}

/** Where an export goes: one file with its companions beside it, or a folder of its own. */
export type OutputPlace =
  | { readonly kind: "file"; readonly path: string; readonly folder: string; readonly name: string }
  | { readonly kind: "folder"; readonly path: string };

/** Files written out of sight under their final names, which appear together or not at all. */
export interface Staging {
  /** Absolute path of the hidden folder that holds the files until they are published. */
  readonly folder: string;
  /** One per name, in order. */
  readonly sinks: readonly ByteSink[];
  /** Flushes and closes all files; they can then be read back from `folder`. */
  seal(): Promise<void>;
  /** Renames into the final place, the main file last. */
  publish(): Promise<void>;
  /** Removes everything unpublished. Safe to call twice, and after `publish`. */
  discard(): Promise<void>;
}
