import type { Engine } from "../core/api/engine";
import type { CancellationToken } from "../core/cancellation";
import { CancellationSource } from "../core/cancellation";
import { EngineError, toEngineError } from "../core/errors";
import { createNodeEngine, type NodeEngineOptions } from "../node/createNodeEngine";

/** The terminal went away, or the system ends its programs: nobody asked for the work to be given up. */
const stops = ["SIGTERM", "SIGHUP"] as const;

/**
 * Runs `work` on an engine in this process. Ctrl-C cancels the token; the work then ends after removing what it left
 * unfinished. Other signals stop the engine, which leaves what the same command can go on from. A second one ends the process
 * at once.
 */
export async function withEngine(options: NodeEngineOptions, work: (engine: Engine, token: CancellationToken) => Promise<void>): Promise<void> {
  const { engine, idle } = createNodeEngine(options);
  const source = new CancellationSource();
  let stopped = false;
  const first = () => {
    if (stopped || source.token.isCancellationRequested) process.exit(130);
  };
  const cancel = () => {
    first();
    source.cancel();
  };
  const stop = () => {
    first();
    stopped = true;
    engine.dispose();
  };
  process.on("SIGINT", cancel);
  for (const signal of stops) process.on(signal, stop);
  try {
    await work(engine, source.token);
  } catch (error) {
    if (stopped && toEngineError(error).code === "engine-gone") throw new EngineError("cancelled", options.storage ? "Stopped; the same command goes on from here." : "Stopped.");
    throw error;
  } finally {
    engine.dispose();
    await idle();
    process.off("SIGINT", cancel);
    for (const signal of stops) process.off(signal, stop);
  }
}
