import * as path from "node:path";
import { toEngineError } from "../core/errors";
import { hasJournals } from "../node/journals";
import type { App } from "./app";
import { exportInterrupted } from "./errors";
import { tell } from "./tell";

/** Offers to go on with what an earlier window, or its engine, left unfinished. Starts no engine where there is nothing. */
export async function offerInterrupted(app: App, storage: string): Promise<void> {
  if (!(await hasJournals(storage))) return;
  try {
    const { engine } = await app.engine.start();
    for (const found of await engine.interruptedExports()) tell(exportInterrupted(path.basename(found.request.path), found));
  } catch (error) {
    app.log.warn(`Interrupted exports could not be looked for: ${toEngineError(error).describe()}`);
  }
}
