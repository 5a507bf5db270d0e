// What the engine keeps beyond the life of its process. `src/node` stores it in a folder.

/** Small texts about work under way that outlive the process, each held by one living process at most. */
export interface JournalStore {
  /** Takes hold of the journal of this name, new or left by a process that ended. Undefined while another call or process holds it. */
  hold(name: string): Promise<Journal | undefined>;
  /** The text as it is now, whoever holds it. */
  read(name: string): Promise<string | undefined>;
  /** Names of the journals that nobody holds. */
  idle(): Promise<readonly string[]>;
}

export interface Journal {
  /** What was written before this process took hold. */
  readonly text: string;
  /** Replaces the text; on the disk when it resolves. */
  start(text: string): Promise<void>;
  /** Adds to the text; on the disk when it resolves. */
  append(text: string): Promise<void>;
  /** Lets go; the text stays for whoever holds it next. */
  release(): Promise<void>;
  /** Removes the text and lets go. */
  remove(): Promise<void>;
}

/** Results that outlive the process, on shelves. Its size is bounded: it may forget whole shelves, and never fails. */
export interface ResultStore {
  /** The shelf of a subject. Shelves of the same subject with another key are void and removed. */
  shelf(subject: string, key: string): Promise<Shelf>;
}

export interface Shelf {
  read(name: string): Promise<Uint8Array | undefined>;
  write(name: string, bytes: Uint8Array): Promise<void>;
}
