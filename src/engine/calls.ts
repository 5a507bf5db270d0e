import type { CancellationToken } from "../core/cancellation";
import { CancellationSource } from "../core/cancellation";
import { cancelled, EngineError, toEngineError } from "../core/errors";

/** Running calls: each is rejected at once when its token is cancelled or when the engine is stopped. */
export class Calls {
  #stops = new Set<(error: EngineError) => void>();
  #running = new Set<Promise<unknown>>();
  #stopped = false;

  /**
   * Runs `work` with a token that is cancelled by the caller's token and by `stop`. `settle: "at-once"` rejects without
   * waiting for the work to wind down; "when-clean" waits for it, because what it removes must be gone when the caller goes on.
   * Everything thrown becomes an EngineError. `isStopped`: it was the engine that stopped, not the caller who cancelled.
   */
  run<T>(
    token: CancellationToken, settle: "at-once" | "when-clean", work: (token: CancellationToken, isStopped: () => boolean) => Promise<T>,
  ): Promise<T> {
    if (this.#stopped) return Promise.reject(stopped());
    if (token.isCancellationRequested) return Promise.reject(cancelled());
    const source = new CancellationSource();
    return new Promise<T>((resolve, reject) => {
      let reason: EngineError | undefined;
      const stop = (error: EngineError) => {
        reason ??= error;
        source.cancel();
        if (settle === "at-once") reject(reason);
      };
      const listener = token.onCancellationRequested(() => stop(cancelled()));
      this.#stops.add(stop);
      const running = Promise.resolve()
        .then(() => work(source.token, () => reason?.code === "engine-gone"))
        .then(resolve, (error) => reject(reason ?? toEngineError(error)))
        .finally(() => {
          listener.dispose();
          this.#stops.delete(stop);
          this.#running.delete(running);
        });
      this.#running.add(running);
    });
  }

  /** Rejects every call with "engine-gone" and refuses new ones. */
  stop(): void {
    this.#stopped = true;
    for (const stop of [...this.#stops]) stop(stopped());
  }

  /** Resolves once no call is winding down any more. */
  async idle(): Promise<void> {
    while (this.#running.size) await Promise.allSettled([...this.#running]);
  }
}

const stopped = () => new EngineError("engine-gone", "The engine was stopped.");
