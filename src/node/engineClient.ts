import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import { createInterface } from "node:readline";
import type { MessageConnection } from "vscode-jsonrpc/node";
import { createMessageConnection, IPCMessageReader, IPCMessageWriter } from "vscode-jsonrpc/node";
import type { Engine } from "../core/api/engine";
import { EngineError } from "../core/errors";
import { CrashCount, describeExit } from "./engineExit";
import { engineMethods, remoteEngine } from "./remoteEngine";

export interface EngineClientOptions {
  /** Path of the bundled engine process, dist/engine.js. */
  readonly modulePath: string;
  /** Worker threads; as many as the machine has when absent. */
  readonly threads?: number;
  /** Folder where work is written down so that it can go on after the process ended. */
  readonly storage?: string;
  /** The process ended without being asked to. `message` says for a person what happened and what comes next. */
  onExit?(message: string): void;
  /** One line that the process printed, or that says what it did. */
  log?(line: string): void;
}

export interface EngineClient {
  /** Stays the same over restarts. Calls while the process is down start it. */
  readonly engine: Engine;
  /** Undefined while no process runs. */
  readonly pid: number | undefined;
  /** Stops the process, rejecting what waits, and lets the next call start a new one, whatever happened before. */
  restart(): void;
  dispose(): void;
}

/** JavaScript objects only: headers, reports, messages. Weights live outside this heap and are bounded by the pool. */
const heapMegabytes = 1024;
/** Time for a process that was let go to remove what it wrote, before it is killed. */
const graceMs = 5000;

/** Runs the engine in a process of its own. It starts with the first call. */
export function launchEngine(options: EngineClientOptions): EngineClient {
  return new ForkedEngine(options);
}

interface Running {
  readonly child: ChildProcess;
  readonly connection: MessageConnection;
  readonly remote: Omit<Engine, "dispose">;
  /** One for every call that waits. */
  readonly waiting: Set<(error: EngineError) => void>;
  /** Last lines on its standard error: a crash says there why. */
  readonly lastWords: string[];
}

class ForkedEngine implements EngineClient {
  readonly engine: Engine;
  #running: Running | undefined;
  #disposed = false;
  readonly #crashes = new CrashCount();

  constructor(readonly options: EngineClientOptions) {
    const calls = engineMethods.map((method) => [method, (...args: unknown[]) => this.#call(method, args)]);
    this.engine = Object.assign(Object.fromEntries(calls) as Omit<Engine, "dispose">, { dispose: () => this.dispose() });
  }

  get pid(): number | undefined {
    return this.#running?.child.pid;
  }

  restart(): void {
    this.#crashes.forget();
    this.#stop("The engine was restarted; repeat the action.");
  }

  dispose(): void {
    this.#disposed = true;
    this.#stop("The engine was stopped.");
  }

  #call(method: (typeof engineMethods)[number], args: readonly unknown[]): Promise<unknown> {
    if (this.#disposed) return Promise.reject(new EngineError("engine-gone", "The engine was stopped."));
    if (!this.#running && this.#crashes.tooMany()) {
      const message = "The engine stopped three times within a minute and stays down; see the log, then restart it.";
      return Promise.reject(new EngineError("engine-gone", message));
    }
    const running = (this.#running ??= this.#start());
    return new Promise((resolve, reject) => {
      running.waiting.add(reject);
      const call = running.remote[method] as (...args: unknown[]) => Promise<unknown>;
      call(...args)
        .then(resolve, (error: EngineError) => {
          // A connection that breaks says so before the process's end says why.
          if (error.code !== "engine-gone" || !isEnding(running)) reject(error);
        })
        .finally(() => running.waiting.delete(reject));
    });
  }

  #start(): Running {
    const { modulePath, threads, storage, log } = this.options;
    const child = fork(modulePath, [], {
      serialization: "advanced",
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      // Not the parent's: its inspector port would be taken.
      execArgv: [`--max-old-space-size=${heapMegabytes}`],
      env: {
        ...process.env,
        ELECTRON_RUN_AS_NODE: "1",
        ELECTRON_NO_ASAR: "1",
        ...(threads && { BITLENS_THREADS: String(threads) }),
        ...(storage && { BITLENS_STORAGE: storage }),
      },
    });
    const connection = createMessageConnection(new IPCMessageReader(child), new IPCMessageWriter(child));
    const remote = remoteEngine(connection);
    const running: Running = { child, connection, remote, waiting: new Set(), lastWords: [] };
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream }).on("line", (line) => {
        running.lastWords.push(line);
        if (running.lastWords.length > 50) running.lastWords.shift();
        log?.(line);
      });
    }
    connection.onError(() => {}); // What follows from it arrives as the process's end.
    connection.listen();
    // A process that closed its channel and lives on answers nobody.
    child.once("disconnect", () => {
      const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
      child.once("exit", () => clearTimeout(timer));
    });
    child.once("error", (error) => this.#ended(running, error.message));
    // "close" comes after "exit" and after the last line on standard error.
    child.once("close", (code, signal) => this.#ended(running, describeExit({ code, signal, lastWords: running.lastWords })));
    log?.(`Engine started (process ${child.pid}).`);
    return running;
  }

  #ended(running: Running, what: string): void {
    if (this.#running !== running) return;
    this.#running = undefined;
    this.#crashes.add();
    const message = this.#crashes.tooMany() ? `${what} It stays down now; restart it to go on.` : `${what} It starts again with the next action.`;
    this.options.log?.(message);
    rejectAll(running, message);
    this.options.onExit?.(message);
  }

  #stop(message: string): void {
    const running = this.#running;
    if (!running) return;
    this.#running = undefined;
    rejectAll(running, message);
    running.connection.dispose();
    const { child } = running;
    // Letting go of the channel tells the process to clean up and leave.
    if (child.connected) child.disconnect();
    child.unref();
    this.options.log?.(message);
  }
}

function rejectAll(running: Running, message: string): void {
  for (const reject of [...running.waiting]) reject(new EngineError("engine-gone", message));
  running.waiting.clear();
}

/** Its channel is closed or it has ended: the event that says so is on its way. */
function isEnding({ child }: Running): boolean {
  return !child.connected || child.exitCode !== null || child.signalCode !== null;
}
