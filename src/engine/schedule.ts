import type { CancellationToken } from "../core/cancellation";
import { checkCancelled } from "../core/cancellation";

export interface Window<T> {
  /** How many items run at once. */
  readonly parallel: number;
  /** Bytes that running items hold in memory together; one item alone may exceed it. */
  readonly maxHeld: number;
  held(item: T): number;
  readonly token: CancellationToken;
}

/**
 * Runs `work` on all items, started in order, as many at once as the window allows. Rejects with the first failure after
 * the running ones have ended, and starts none after it.
 */
export async function runWindow<T>(items: readonly T[], window: Window<T>, work: (item: T) => Promise<void>): Promise<void> {
  const running = new Set<Promise<void>>();
  let held = 0;
  let failure: { error: unknown } | undefined;
  for (const item of items) {
    const cost = window.held(item);
    while (running.size && (running.size >= window.parallel || held + cost > window.maxHeld)) await Promise.race(running);
    if (failure || window.token.isCancellationRequested) break;
    held += cost;
    const one: Promise<void> = work(item)
      .catch((error: unknown) => {
        failure ??= { error };
      })
      .finally(() => {
        held -= cost;
        running.delete(one);
      });
    running.add(one);
  }
  await Promise.all(running);
  if (failure) throw failure.error;
  checkCancelled(window.token);
}
