import type { Engine } from "../core/api/engine";
import type { CancellationToken } from "../core/cancellation";
import { CancellationSource } from "../core/cancellation";
import { createNodeEngine } from "../node/createNodeEngine";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Runs `work` on an engine in this process. An interrupt cancels the token; the work then ends after removing what it left
 * unfinished. A second interrupt ends the process at once.
 */
export async function withEngine(
  options: { readonly threads?: number },
  work: (engine: Engine, token: CancellationToken) => Promise<void>,
): Promise<void> {
  const { engine, idle } = createNodeEngine(options);
  const source = new CancellationSource();
  const onSignal = () => {
    if (source.token.isCancellationRequested) process.exit(130);
    source.cancel();
  };
  for (const signal of signals) process.on(signal, onSignal);
  try {
    await work(engine, source.token);
  } finally {
    engine.dispose();
    await idle();
    for (const signal of signals) process.off(signal, onSignal);
  }
}
