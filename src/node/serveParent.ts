import { createMessageConnection, IPCMessageReader, IPCMessageWriter } from "vscode-jsonrpc/node";
import type { EngineHandle } from "../engine/createEngine";
import { serveEngine } from "./remoteEngine";

/** How long unfinished exports may take to remove what they wrote. */
const cleaningMs = 3000;

/** Answers the process that forked this one, and ends with it. */
export function serveParent({ engine, idle }: EngineHandle): void {
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
