import type { MessageConnection } from "vscode-jsonrpc/node";
import { CancellationTokenSource, ResponseError } from "vscode-jsonrpc/node";
import type { Engine } from "../core/api/engine";
import { CancellationSource, type CancellationToken } from "../core/cancellation";
import { cancelled, EngineError, toEngineError } from "../core/errors";

/**
 * The Engine interface over a connection. The messages are inferred from the interface: a request per method, its plain
 * arguments in order; a callback among them travels as a stream number, a cancellation token as the request's own token.
 */
type Method = Exclude<keyof Engine, "dispose">;

/** How a cancelled call ends: at once, or when the other side has removed what it left unfinished. */
const methods: Record<Method, { readonly cancelling: "at-once" | "when-clean" }> = {
  device: { cancelling: "at-once" },
  encodings: { cancelling: "at-once" },
  open: { cancelling: "at-once" },
  analyse: { cancelling: "at-once" },
  compare: { cancelling: "at-once" },
  exportChoices: { cancelling: "at-once" },
  sensitivity: { cancelling: "at-once" },
  plan: { cancelling: "at-once" },
  pareto: { cancelling: "at-once" },
  check: { cancelling: "at-once" },
  recipeFacts: { cancelling: "at-once" },
  exportWarnings: { cancelling: "at-once" },
  estimate: { cancelling: "at-once" },
  export: { cancelling: "when-clean" },
  interruptedExports: { cancelling: "at-once" },
  discardExport: { cancelling: "when-clean" },
};
export const engineMethods = Object.keys(methods) as readonly Method[];

/** An argument as it travels. */
type Argument = { readonly plain: unknown } | { readonly stream: number } | { readonly token: true };

interface StreamBatch {
  readonly stream: number;
  readonly events: readonly unknown[];
}

const streamMethod = "stream";
const errorNumber = -32000;
/** A flush waits this long for company: the panel draws no faster, and every message costs both sides. */
const flushAfterMs = 30;
/** The receiver's thread stands still while it unpacks a message; a megabyte takes it a few milliseconds. */
const flushAtBytes = 1024 * 1024;

/** Calls whose answer comes over `connection`. When it closes, those that wait are rejected as "engine-gone". */
export function remoteEngine(connection: MessageConnection): Omit<Engine, "dispose"> {
  let lastStream = 0;
  const streams = new Map<number, (event: unknown) => void>();
  connection.onNotification(streamMethod, ({ stream, events }: StreamBatch) => {
    for (const event of events) streams.get(stream)?.(event);
  });

  // The library leaves requests waiting when a connection closes, and throws at whoever cancels one of them later.
  const closed = new CancellationSource();
  connection.onClose(() => closed.cancel());
  connection.onDispose(() => closed.cancel());

  async function call(method: Method, given: readonly unknown[]): Promise<unknown> {
    const opened: number[] = [];
    let token: CancellationToken | undefined;
    const args = given.map((value): Argument => {
      if (isToken(value)) {
        token = value;
        return { token: true };
      }
      if (typeof value !== "function") return { plain: value };
      opened.push(++lastStream);
      streams.set(lastStream, value as (event: unknown) => void);
      return { stream: lastStream };
    });
    const close = () => opened.forEach((stream) => streams.delete(stream));
    const source = new CancellationTokenSource();
    const listeners: { dispose(): void }[] = [];
    try {
      if (token?.isCancellationRequested) throw cancelled();
      const answer = connection.sendRequest(method, args, source.token);
      answer.catch(() => {});
      const stopped = new Promise<never>((_, reject) => {
        listeners.push(closed.token.onCancellationRequested(() => reject(new Error("its connection is closed"))));
        if (!token) return;
        const { onCancellationRequested } = token;
        listeners.push(onCancellationRequested(() => {
          if (closed.token.isCancellationRequested) return;
          source.cancel();
          close();
          if (methods[method].cancelling === "at-once") reject(cancelled());
        }));
      });
      return await Promise.race([answer, stopped]);
    } catch (error) {
      throw fromWire(error);
    } finally {
      for (const listener of listeners) listener.dispose();
      close();
    }
  }

  return Object.fromEntries(engineMethods.map((method) => [method, (...args: unknown[]) => call(method, args)])) as unknown as Omit<Engine, "dispose">;
}

/** Answers the calls of the other side's `remoteEngine` with `engine`. */
export function serveEngine(connection: MessageConnection, engine: Omit<Engine, "dispose">): void {
  for (const method of engineMethods) {
    connection.onRequest(method, async (args: readonly Argument[], requestToken: CancellationToken) => {
      const senders: StreamSender[] = [];
      const given = args.map((arg) => {
        if ("token" in arg) return requestToken;
        if ("plain" in arg) return arg.plain;
        const sender = new StreamSender(connection, arg.stream);
        senders.push(sender);
        return (event: unknown) => sender.push(event);
      });
      try {
        return await (engine[method] as (...args: unknown[]) => Promise<unknown>)(...given);
      } catch (error) {
        const e = toEngineError(error);
        return new ResponseError(errorNumber, e.message, e.toJSON());
      } finally {
        // Messages keep their order: the events arrive before the answer.
        for (const sender of senders) sender.flush();
      }
    });
  }
}

/** Collects a call's events into few messages of bounded size. */
class StreamSender {
  #events: unknown[] = [];
  #bytes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly connection: MessageConnection, readonly stream: number) {}

  push(event: unknown): void {
    this.#events.push(event);
    this.#bytes += roughBytes(event);
    if (this.#bytes >= flushAtBytes) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), flushAfterMs);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#events.length === 0) return;
    const batch: StreamBatch = { stream: this.stream, events: this.#events };
    this.#events = [];
    this.#bytes = 0;
    this.connection.sendNotification(streamMethod, batch).catch(() => {}); // The other side is gone, and with it the listener.
  }
}

/** Typed arrays are nearly all of an event. */
function roughBytes(value: unknown): number {
  if (typeof value !== "object" || value === null) return 8;
  if (ArrayBuffer.isView(value)) return value.byteLength;
  return Object.values(value).reduce<number>((sum, v) => sum + roughBytes(v), 16);
}

function isToken(value: unknown): value is CancellationToken {
  return typeof (value as CancellationToken | undefined)?.onCancellationRequested === "function";
}

function fromWire(error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  if (error instanceof ResponseError) return toEngineError(error.data ?? new EngineError("engine-gone", `The engine does not answer (${error.message}).`));
  return new EngineError("engine-gone", `The engine cannot be reached (${(error as Error)?.message ?? error}).`);
}
