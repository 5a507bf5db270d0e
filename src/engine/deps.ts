import type { ModelFolder } from "../core/bytes";
import type { DeviceInfo } from "../core/api/engine";
import type { ModelIndex } from "../core/model";
import type { Format } from "../formats/format";
import type { JournalStore, ResultStore } from "./stores";
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
  /** Tells contents apart: hexadecimal digits, fit for a file's name. Each part counts with its length: "a", "b" is not "ab". */
  digest(parts: Iterable<string | Uint8Array>): string;
  /** Names the code that computes: what other code computed is not mixed with its results. */
  readonly build: string;
  /** Without it an export that is interrupted starts anew. */
  readonly journals?: JournalStore;
  /** Without it every analysis measures everything. */
  readonly results?: ResultStore;
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
  /**
   * Prepares an output beside its final place, each file at its full size. `mark`: eight hexadecimal digits that tell it from
   * other attempts. Throws "not-found" when the folder that should hold it does not exist.
   */
  stage(output: OutputPlace, files: readonly StagedSize[], mark: string): Promise<Staging>;
  /** Takes over what an ended process staged under this mark; undefined unless every file is there at its full size. */
  restage(output: OutputPlace, mark: string, files: readonly StagedSize[]): Promise<Staging | undefined>;
  isStaged(output: OutputPlace, mark: string): Promise<boolean>;
  /** Removes what an ended process staged under this mark. */
  unstage(output: OutputPlace, mark: string): Promise<void>;
}

/** Where an export goes: one file with its companions beside it, or a folder of its own. */
export type OutputPlace =
  | { readonly kind: "file"; readonly path: string; readonly folder: string; readonly name: string }
  | { readonly kind: "folder"; readonly path: string };

export interface StagedSize {
  /** Relative to the output's folder. */
  readonly name: string;
  readonly byteLength: number;
}

/** A file of an output that is not published yet. Workers open its path themselves and write at offsets. */
export interface StagedFile {
  readonly path: string;
  write(offset: number, bytes: Uint8Array): Promise<void>;
}

/** Files written out of sight under their final names, which appear together or not at all. */
export interface Staging {
  /** Absolute path of the hidden folder that holds the files until they are published. */
  readonly folder: string;
  /** One per name, in order. */
  readonly files: readonly StagedFile[];
  /** What was written so far, by whomever, is on the disk when it resolves. */
  flush(): Promise<void>;
  /** Flushes and closes all files; they can then be read back from `folder`. */
  seal(): Promise<void>;
  /** Renames into the final place, the main file last. */
  publish(): Promise<void>;
  /** Closes the files and leaves them for `restage`. */
  release(): Promise<void>;
  /** Removes everything unpublished. Safe to call twice, and after `publish`. */
  discard(): Promise<void>;
}
