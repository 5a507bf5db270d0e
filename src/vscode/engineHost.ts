import * as path from "node:path";
import * as vscode from "vscode";
import type { DeviceInfo, EncodingInfo, Engine } from "../core/api/engine";
import { toEngineError } from "../core/errors";
import type { EngineClient } from "../node/engineClient";
import { launchEngine } from "../node/engineClient";
import { settings } from "./settings";

export interface EngineFacts {
  readonly device: DeviceInfo;
  readonly encodings: readonly EncodingInfo[];
}

/**
 * The engine process as the window sees it: started when first needed, started again after its death when next needed.
 * Documents and panels outlive it; calls do not: they reject with "engine-gone".
 */
export class EngineHost implements vscode.Disposable {
  readonly #extensionPath: string;
  /** Where the engine writes down work that can go on in another window. */
  readonly #storage: string;
  #client: EngineClient;
  #threads: number | undefined;
  readonly #log: vscode.LogOutputChannel;
  readonly #exited = new vscode.EventEmitter<string>();
  readonly #ready = new vscode.EventEmitter<EngineFacts>();
  #asking: Promise<EngineFacts> | undefined;
  #facts: EngineFacts | undefined;

  /** The process ended by itself; the text says how and what comes next. Not fired for a restart that was asked for. */
  readonly onDidExit = this.#exited.event;
  readonly onDidStart = this.#ready.event;

  constructor({ extensionPath, storage, log }: { extensionPath: string; storage: string; log: vscode.LogOutputChannel }) {
    this.#extensionPath = extensionPath;
    this.#storage = storage;
    this.#log = log;
    this.#client = this.#launch();
  }

  #launch(): EngineClient {
    this.#threads = settings.threads();
    return launchEngine({
      modulePath: path.join(this.#extensionPath, "dist/engine.js"),
      threads: this.#threads,
      storage: this.#storage,
      log: (line) => this.#log.info(line),
      onExit: (message) => this.#onExit(message),
    });
  }

  /** The engine, with the device and encodings it reported. Rejects where it cannot start. */
  async start(): Promise<{ engine: Engine } & EngineFacts> {
    const { engine } = this.#client;
    return { engine, ...(await (this.#asking ??= this.#ask(engine))) };
  }

  /** What a started engine said last. */
  get facts(): EngineFacts | undefined {
    return this.#facts;
  }

  /** Ends the process; every waiting call rejects. Resolves when a new one answers. */
  async restart(): Promise<void> {
    this.#asking = undefined;
    this.#client.restart();
    if (settings.threads() !== this.#threads) {
      this.#client.dispose();
      this.#client = this.#launch();
    }
    await this.start();
  }

  /** Process number while one runs: for tests that end it. */
  get pid(): number | undefined {
    return this.#client.pid;
  }

  async #ask(engine: Engine): Promise<EngineFacts> {
    try {
      const [device, encodings] = await Promise.all([engine.device(), engine.encodings()]);
      this.#facts = { device, encodings };
      this.#log.info(`Engine ready: ${device.name}, ${device.threads} threads${device.simd ? ", SIMD" : ""}.`);
      this.#ready.fire(this.#facts);
      return this.#facts;
    } catch (error) {
      this.#asking = undefined;
      throw toEngineError(error);
    }
  }

  #onExit(message: string): void {
    this.#log.error(message);
    this.#asking = undefined;
    this.#exited.fire(message);
  }

  dispose(): void {
    this.#client.dispose();
    this.#exited.dispose();
    this.#ready.dispose();
  }
}
