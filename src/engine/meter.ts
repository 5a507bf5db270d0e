import type { Progress } from "../core/api/engine";

/** A person sees no more than this many updates a second, and every message costs. */
const updatesPerSecond = 20;

export interface MeterOptions {
  readonly tensorsTotal: number;
  readonly bytesTotal: number;
  /** Done by earlier calls. */
  readonly before?: Progress["before"];
  /** Seconds, monotonic. */
  now(): number;
  onProgress(progress: Progress): void;
}

/** Counts tensors and bytes of one call and tells about it, throttled. */
export class Meter {
  readonly #start: number;
  #lastTold = -Infinity;
  #tensorsDone = 0;
  #bytesDone = 0;
  #before: Progress["before"];

  constructor(readonly options: MeterOptions) {
    this.#start = options.now();
    this.#before = options.before;
    this.#tensorsDone = options.before?.tensors ?? 0;
    this.#bytesDone = options.before?.bytes ?? 0;
  }

  /**
   * One item's share of the bytes. `add` takes what the pool reports; `done` tops it up, so that the sum is exact whatever
   * was reported.
   */
  item(bytes: number): { add(bytes: number): void; done(): void } {
    let counted = 0;
    const move = (to: number) => {
      this.#bytesDone += to - counted;
      counted = to;
    };
    return {
      add: (more) => {
        move(Math.min(bytes, counted + more));
        this.#tell();
      },
      done: () => move(bytes),
    };
  }

  /** A tensor of so many bytes that an earlier call had done. */
  remembered(bytes: number): void {
    const { tensors = 0, bytes: sum = 0 } = this.#before ?? {};
    this.#before = { tensors: tensors + 1, bytes: sum + bytes };
    this.#tensorsDone++;
    this.#bytesDone += bytes;
  }

  tensorDone(): void {
    this.#tensorsDone++;
  }

  progress(): Progress {
    const { tensorsTotal, bytesTotal } = this.options;
    return {
      tensorsDone: this.#tensorsDone,
      tensorsTotal,
      bytesDone: Math.min(bytesTotal, Math.round(this.#bytesDone)),
      bytesTotal,
      seconds: this.options.now() - this.#start,
      ...(this.#before && { before: this.#before }),
    };
  }

  #tell(): void {
    const now = this.options.now();
    if (now - this.#lastTold < 1 / updatesPerSecond) return;
    this.#lastTold = now;
    this.options.onProgress(this.progress());
  }
}
