import type { ToPanel } from "../core/api/panel";
import type { PlainError } from "../core/errors";
import type { TensorReport } from "../core/series";
import { reportBytes } from "./results";

/** Between two posts: twenty a second are as smooth as an eye asks for, and leave the host's loop free. */
const pauseMilliseconds = 50;
/** Of reports in one message: serialising so many, or so many bytes of arrays, takes the host about five milliseconds. */
const maximumBatchReports = 48;
const maximumBatchBytes = 2 ** 20;

type Failure = { readonly tensor: string; readonly error: PlainError };
/** Kinds of which only the latest matters, in the order they are sent. */
const latestKinds = ["model", "choices", "budget", "plan", "show", "showTab", "status"] as const;
type LatestKind = (typeof latestKinds)[number];

/**
 * Messages on their way to one webview: batched, at most one post per pause, a newer status replacing an unsent one.
 * Nothing is posted while closed (a hidden webview loses messages); `open` starts over with whatever is put in next.
 */
export class Outbox {
  readonly #post: (message: ToPanel) => void;
  readonly #latest = new Map<LatestKind, ToPanel>();
  #reports: TensorReport[] = [];
  #failures: Failure[] = [];
  #timer: NodeJS.Timeout | undefined;
  #open = false;

  constructor(post: (message: ToPanel) => void) {
    this.#post = post;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** The webview listens: forgets what was queued; the caller replays everything. */
  open(): void {
    this.close();
    this.#open = true;
  }

  close(): void {
    this.#open = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#latest.clear();
    this.#reports = [];
    this.#failures = [];
  }

  /** Replaces an unsent message of the same kind. */
  put(message: Extract<ToPanel, { type: LatestKind }>): void {
    if (!this.#open) return;
    this.#latest.set(message.type, message);
    this.#schedule();
  }

  report(...reports: readonly TensorReport[]): void {
    if (!this.#open) return;
    for (const report of reports) this.#reports.push(report);
    this.#schedule();
  }

  fail(...failures: readonly Failure[]): void {
    if (!this.#open) return;
    for (const failure of failures) this.#failures.push(failure);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#timer) return;
    // The first message after a silence goes at once, so that the first paint waits for nothing.
    this.#timer = setTimeout(() => this.#flush(), 0);
  }

  #flush(): void {
    const model = this.#latest.get("model");
    this.#latest.delete("model");
    if (model) this.#post(model);
    const reports = this.#takeReports();
    const failed = this.#failures.splice(0);
    if (reports.length || failed.length) this.#post({ type: "reports", reports, failed });
    for (const kind of latestKinds) {
      // "done" must not overtake the reports it speaks of.
      if (kind === "status" && this.#reports.length) continue;
      const message = this.#latest.get(kind);
      this.#latest.delete(kind);
      if (message) this.#post(message);
    }
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#reports.length || this.#failures.length || this.#latest.size) this.#flush();
    }, pauseMilliseconds);
  }

  #takeReports(): TensorReport[] {
    let bytes = 0;
    let n = 0;
    const most = Math.min(this.#reports.length, maximumBatchReports);
    while (n < most && (n === 0 || bytes < maximumBatchBytes)) bytes += reportBytes(this.#reports[n++]);
    return this.#reports.splice(0, n);
  }
}
