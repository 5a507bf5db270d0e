// The engine's own process, dist/engine.js.
import { createNodeEngine } from "./createNodeEngine";
import { serveParent } from "./serveParent";

if (process.send) {
  const threads = Number(process.env.BITLENS_THREADS);
  const storage = process.env.BITLENS_STORAGE;
  serveParent(createNodeEngine({ ...(threads > 0 && { threads }), ...(storage && { storage }) }));
} else {
  process.stderr.write("This is the engine of Bitlens; it is started by the extension, not by hand.\n");
  process.exitCode = 2;
}
