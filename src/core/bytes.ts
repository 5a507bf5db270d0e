/** Ranged read of something huge. Offsets and lengths are bytes and safe integers. */
export interface ByteSource {
  /** Name for error messages. */
  readonly path: string;
  readonly size: number;
  /** Exactly `length` bytes from `offset`; a short read is an EngineError "truncated". The caller has checked the length. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/**
 * The folder a model lives in: the only way formats reach files. Relative names use "/" and may not leave the folder
 * (absolute paths, "..", links that lead out: EngineError "unsafe-path").
 */
export interface ModelFolder {
  /** Absolute path, for messages. */
  readonly path: string;
  /** Names of the plain files directly inside, sorted. */
  list(): Promise<string[]>;
  exists(name: string): Promise<boolean>;
  /** Size in bytes without opening. */
  size(name: string): Promise<number>;
  open(name: string): Promise<ByteSource>;
  /** The whole of a small file as text (UTF-8); refuses more than `limit` bytes ("too-large"). */
  readText(name: string, limit: number): Promise<string>;
  /** Absolute path of a name inside, after the same safety checks. */
  resolve(name: string): Promise<string>;
}
