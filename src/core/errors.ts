/** What went wrong, for programs. The message says it for a person. */
export type ErrorCode =
  | "not-found" // a file or folder that should be there is not
  | "not-recognised" // no format claims the file
  | "truncated" // the file ends before its own header says it should
  | "malformed" // the bytes contradict the format
  | "too-large" // a count or length exceeds what the file or the format can hold
  | "unsafe-path" // a reference that leaves the model's folder
  | "unsupported" // well formed, and we cannot do it
  | "bad-request" // the caller asked for something impossible
  | "io" // the operating system refused
  | "cancelled"
  | "engine-gone"; // the engine process died or was stopped

/** Where it went wrong. All fields are optional and plain, so that an error can cross processes. */
export interface ErrorPlace {
  /** Path of the file, as the person named it or as found beside it. */
  readonly file?: string;
  readonly tensor?: string;
  /** Byte offset in `file`. */
  readonly offset?: number;
}

/**
 * The only error that crosses a boundary. Its message is one sentence naming the cause and, where there is something to
 * do, what to do; file, tensor and offset are appended by `describe`.
 */
export class EngineError extends Error {
  override readonly name = "EngineError";
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly place: ErrorPlace = {},
  ) {
    super(message);
  }

  /** One sentence for a person: message, then the place. */
  describe(): string {
    const { file, tensor, offset } = this.place;
    const where = [
      file && !this.message.includes(file) ? file : undefined,
      tensor && !this.message.includes(tensor) ? `tensor ${tensor}` : undefined,
      offset !== undefined ? `byte ${offset}` : undefined,
    ].filter(Boolean);
    return where.length ? `${this.message} (${where.join(", ")})` : this.message;
  }

  toJSON(): PlainError {
    return { code: this.code, message: this.message, place: this.place };
  }
}

/** An EngineError as plain data. */
export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly place: ErrorPlace;
}

export const cancelled = () => new EngineError("cancelled", "Cancelled.");

/** Any thrown value as an EngineError; unknown ones become code "io" for system errors, "malformed" otherwise. */
export function toEngineError(error: unknown, place: ErrorPlace = {}): EngineError {
  if (error instanceof EngineError) return error;
  if (isPlainError(error)) return new EngineError(error.code, error.message, error.place);
  const e = error as NodeJS.ErrnoException;
  const message = e?.message ?? String(error);
  if (e?.code === "ENOENT") return new EngineError("not-found", `No such file: ${e.path ?? place.file ?? "?"}.`, place);
  if (e?.code === "ENOSPC") return new EngineError("io", "The disk is full; free some space and try again.", place);
  if (e?.code === "EACCES" || e?.code === "EPERM") return new EngineError("io", `No permission for ${e.path ?? place.file ?? "the file"}.`, place);
  const plainly = typeof e?.code === "string" ? systemErrors[e.code] : undefined;
  return new EngineError(e?.code ? "io" : "malformed", plainly ?? message, place);
}

/** What the system says by a code and a temporary file's name. */
const systemErrors: Readonly<Record<string, string>> = {
  EROFS: "This place can only be read; choose another.",
  ENAMETOOLONG: "The name is too long for the file system; choose a shorter one.",
  EISDIR: "This is a folder; name a file.",
  ENOTDIR: "A part of this path is a file and no folder; choose another.",
  EDQUOT: "Your share of the disk is used up; free some space and try again.",
};

function isPlainError(error: unknown): error is PlainError {
  const e = error as PlainError | undefined;
  return typeof e?.code === "string" && typeof e?.message === "string" && typeof e?.place === "object";
}
