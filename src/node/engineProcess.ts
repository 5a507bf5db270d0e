// The engine's own process, dist/engine.js.
import { createNodeEngine } from "./createNodeEngine";
import { serveParent } from "./serveParent";

if (process.send) {
  const threads = Number(process.env.BITLENS_THREADS);
  serveParent(createNodeEngine(threads > 0 ? { threads } : {}));
} else {
  process.stderr.write("This is the engine of Bitlens; it is started by the extension, not by hand.\n");
  process.exitCode = 2;
}
