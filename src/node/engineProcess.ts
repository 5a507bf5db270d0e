// The engine's own process: answers its parent over the channel that fork made, and ends with it.
import { createMessageConnection, IPCMessageReader, IPCMessageWriter } from "vscode-jsonrpc/node";
import { createNodeEngine } from "./createNodeEngine";
import { serveEngine } from "./remoteEngine";

/** How long unfinished exports may take to remove what they wrote. */
const cleaningMs = 3000;

if (!process.send) {
  process.stderr.write("This is the engine of Bitlens; it is started by the extension, not by hand.\n");
  process.exitCode = 2;
} else {
  const threads = Number(process.env.BITLENS_THREADS);
  const { engine, idle } = createNodeEngine(threads > 0 ? { threads } : {});
  const connection = createMessageConnection(new IPCMessageReader(process), new IPCMessageWriter(process));
  serveEngine(connection, engine);

  let leaving = false;
  const leave = () => {
    if (leaving) return;
    leaving = true;
    setTimeout(() => process.exit(0), cleaningMs);
    engine.dispose();
    void idle().then(() => process.exit(0));
  };
  process.on("disconnect", leave); // The parent died or let go.
  process.on("SIGTERM", leave);
  process.on("SIGINT", () => {}); // A terminal's Ctrl-C reaches the whole group; the parent decides.
  connection.onClose(leave);
  connection.onError(() => {}); // Writing to a parent that is gone; "disconnect" follows.
  connection.listen();
}
