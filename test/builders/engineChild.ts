// A process that serves an engine whose behaviour the path says. The tests of the client fork it.
import * as fs from "node:fs";
import type { AnalyseEvent, Engine, Progress } from "../../src/core/api/engine";
import { EngineError } from "../../src/core/errors";
import { createEngine } from "../../src/engine/createEngine";
import { serveParent } from "../../src/node/serveParent";
import { toyDeps, ToyPool } from "./toyModel";

const progress: Progress = { tensorsDone: 1, tensorsTotal: 2, bytesDone: 3, bytesTotal: 4, seconds: 0.5 };
const { engine, idle } = createEngine(toyDeps(() => new ToyPool()));
const waitForCancel = (token: { onCancellationRequested(listener: () => void): unknown } | undefined, file: string) =>
  new Promise<never>((_, reject) => token?.onCancellationRequested(() => setTimeout(() => {
    fs.writeFileSync(file, "cleaned");
    reject(new EngineError("cancelled", "Cancelled."));
  }, 50)));

const child: Engine = {
  ...engine,
  async open(path, token) {
    if (path === "exit") process.exit(7);
    if (path === "kill") process.kill(process.pid, "SIGKILL");
    if (path === "throw") throw new EngineError("malformed", "The header is broken.", { file: "/x", tensor: "t", offset: 12 });
    if (path === "hang") return new Promise(() => {});
    if (path === "say") process.stderr.write("a line on stderr\n");
    return engine.open(path, token);
  },
  async analyse(request, onEvent, token) {
    if (request.path === "hang") return new Promise(() => {});
    for (let i = 0; i < 5; i++) {
      const values = Float32Array.of(i, Number.NaN, Infinity);
      onEvent({ kind: "report", report: { name: `t${i}`, output: { absMax: values, rms: values } }, progress } as unknown as AnalyseEvent);
      if (i === 2) await new Promise((resolve) => setTimeout(resolve, 60));
    }
    return token ? { progress, failed: request.encodings.length } : { progress, failed: -1 };
  },
  export: (request, _onProgress, token) => waitForCancel(token, request.output),
};
serveParent({ engine: child, idle });
