import type { CancellationToken } from "../core/cancellation";

/** How long an analysis waits for the panel to show the header: a panel behind another tab never does. */
const longestWaitForPaint = 2000;

/** Work for all cores waits until the header is on the screen: the panel's page needs them to come up. */
export class FirstPaint {
  #tellShown: () => void = () => {};
  readonly #shown = new Promise<void>((resolve) => (this.#tellShown = resolve));

  /** A panel has drawn the header. */
  happened(): void {
    this.#tellShown();
  }

  /** Resolves when it happened, when it takes too long, and when the token is cancelled. */
  async wait(token: CancellationToken): Promise<void> {
    let go = () => {};
    const late = new Promise<void>((resolve) => (go = resolve));
    const timer = setTimeout(go, longestWaitForPaint);
    const listener = token.onCancellationRequested(go);
    await Promise.race([this.#shown, late]);
    clearTimeout(timer);
    listener.dispose();
  }
}
