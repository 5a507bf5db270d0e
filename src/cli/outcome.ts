import { EngineError, toEngineError } from "../core/errors";

/** The command line itself is wrong: exit status 2. */
export class UsageError extends Error {}

/** Ends a command that did not succeed: one sentence on standard error and the exit status that goes with it. */
export function fail(error: unknown): void {
  const { status, sentence } = outcomeOf(error);
  process.exitCode = status;
  if (sentence) process.stderr.write(`bitlens: ${sentence}\n`);
}

export function outcomeOf(error: unknown): { readonly status: number; readonly sentence: string } {
  if (error instanceof UsageError) return { status: 2, sentence: oneLine(error.message) };
  const e = toEngineError(error);
  if (e.code === "cancelled") return { status: 130, sentence: e.message === "Cancelled." ? "Interrupted." : oneLine(e.message) };
  return { status: 1, sentence: oneLine(e.describe()) };
}

/** "bad-request" about what stands on the command line is wrong usage. */
export function asUsage(error: unknown): unknown {
  return error instanceof EngineError && error.code === "bad-request" ? new UsageError(error.describe()) : error;
}

/** `bitlens info … | head` ends quietly when head has seen enough. */
export function quietOnClosedPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(process.exitCode ?? 0);
      const cause = error.code === "ENOSPC" ? "its disk is full" : error.message;
      if (stream === process.stdout) process.stderr.write(`bitlens: The output could not be written: ${oneLine(cause)}.\n`);
      process.exit(1);
    });
  }
}

/** File names and contents may carry line breaks and terminal codes. */
function oneLine(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
}
