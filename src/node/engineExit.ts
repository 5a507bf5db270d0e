/** Why a process ended, as Node tells it. */
export interface ExitFacts {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lastWords: readonly string[];
}

/** One sentence for a person: what happened, and what to do where there is something to do. */
export function describeExit({ code, signal, lastWords }: ExitFacts): string {
  if (lastWords.some((line) => /heap out of memory|allocation failed|Array buffer allocation/i.test(line))) {
    return "The engine ran out of memory; close other models or programs.";
  }
  if (signal === "SIGKILL") return "The engine was killed (SIGKILL), most likely by the system because memory ran out; close other programs.";
  if (signal) return `The engine was stopped by the system (${signal}).`;
  return `The engine stopped unexpectedly (exit code ${code ?? "unknown"}); see the log.`;
}

const crashLimit = 3;
const crashWindowMs = 60_000;

/** A process that keeps dying is not started again and again. */
export class CrashCount {
  #times: number[] = [];

  constructor(readonly now: () => number = Date.now) {}

  add(): void {
    this.#times.push(this.now());
  }

  /** Three within a minute. Stays so until `forget`. */
  tooMany(): boolean {
    const last = this.#times.slice(-crashLimit);
    return last.length === crashLimit && last[crashLimit - 1] - last[0] <= crashWindowMs;
  }

  /** A person asked for a restart. */
  forget(): void {
    this.#times = [];
  }
}
