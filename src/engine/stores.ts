// What the engine keeps beyond the life of its process. `src/node` stores it in a folder.

/** Notes about work under way that outlive the process, each journal held by one living process at most. */
export interface JournalStore {
  /** Takes hold of the journal of this name, new or left by a process that ended. Undefined while another call or process holds it. */
  hold(name: string): Promise<Journal | undefined>;
  /** The entries as they are now, whoever holds it. */
  read(name: string): Promise<readonly unknown[] | undefined>;
  /** Names of the journals that nobody holds. */
  idle(): Promise<readonly string[]>;
}

/** Entries of plain JSON. One that a crash or a disk spoiled is not among them, nor what came after it. */
export interface Journal {
  /** What was written before this process took hold. */
  readonly entries: readonly unknown[];
  /** Replaces all entries; on the disk when it resolves. */
  start(entry: unknown): Promise<void>;
  /** On the disk when it resolves. */
  append(entry: unknown): Promise<void>;
  /** Lets go; the entries stay for whoever holds it next. */
  release(): Promise<void>;
  /** Removes the entries and lets go. */
  remove(): Promise<void>;
}

/** Results that outlive the process, on shelves. Its size is bounded: it may forget whole shelves, and never fails. */
export interface ResultStore {
  /** The shelf of a subject. Shelves of the same subject with another key are void and removed. */
  shelf(subject: string, key: string): Promise<Shelf>;
}

/** Plain data by name: all numbers and typed arrays, which own their buffers when they are read. */
export interface Shelf {
  /** What was written, to the last bit; undefined where that cannot be had. */
  read(name: string): Promise<unknown>;
  write(name: string, value: unknown): Promise<void>;
}
