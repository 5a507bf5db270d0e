import { cancelled } from "./errors";

/** Structurally equal to the tokens of VS Code and vscode-jsonrpc, so either can be passed. */
export interface CancellationToken {
  readonly isCancellationRequested: boolean;
  onCancellationRequested(listener: (e: unknown) => unknown): { dispose(): void };
}

export const neverCancelled: CancellationToken = {
  isCancellationRequested: false,
  onCancellationRequested: () => ({ dispose() {} }),
};

/** Throws the ordinary "cancelled" EngineError when the token says so. Long loops call it between chunks. */
export function checkCancelled(token: CancellationToken): void {
  if (token.isCancellationRequested) throw cancelled();
}

/** A token and the switch for it. */
export class CancellationSource {
  #listeners = new Set<(e: unknown) => unknown>();
  #requested = false;
  readonly token: CancellationToken;
  constructor() {
    const source = this;
    this.token = {
      get isCancellationRequested() {
        return source.#requested;
      },
      onCancellationRequested: (listener) => {
        if (source.#requested) {
          queueMicrotask(() => listener(undefined));
          return { dispose() {} };
        }
        source.#listeners.add(listener);
        return { dispose: () => void source.#listeners.delete(listener) };
      },
    };
  }
  cancel(): void {
    if (this.#requested) return;
    this.#requested = true;
    for (const listener of [...this.#listeners]) listener(undefined);
    this.#listeners.clear();
  }
}
