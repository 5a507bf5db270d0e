import type { Staging } from "./deps";
import type { JobsDone } from "./exportJournal";
import type { ExportJob } from "./exportJobs";
import type { Journal } from "./stores";

/** Flushing takes from the disk what writing needs: at most this share of the time goes into it. */
const share = 0.1;

/** Writes down which jobs of an export are done, each only when its bytes are on the disk. */
export class Checkpoint {
  #pending: number[] = [];
  /** When the next note may be made, in seconds. */
  #next = -Infinity;
  #writing: Promise<void> | undefined;
  #broken = false;

  constructor(
    readonly journal: Journal,
    readonly staging: Pick<Staging, "flush">,
    readonly jobs: readonly ExportJob[],
    readonly now: () => number,
  ) {}

  /** Whatever was noted can be relied on. False once the journal could not be written: the export goes on without. */
  get isSound(): boolean {
    return !this.#broken;
  }

  done(job: number): void {
    this.#pending.push(job);
    const began = this.now();
    if (this.#writing || began < this.#next) return;
    this.#writing = this.#write().finally(() => {
      this.#writing = undefined;
      const ended = this.now();
      this.#next = ended + (ended - began) * (1 / share - 1);
    });
  }

  /** Resolves when nothing is being noted: the files may be closed then. */
  async pause(): Promise<void> {
    await this.#writing;
  }

  /** Notes everything done so far. */
  async settle(): Promise<void> {
    await this.#writing;
    await this.#write();
  }

  async #write(): Promise<void> {
    const jobs = this.#pending;
    if (this.#broken || jobs.length === 0) return;
    this.#pending = [];
    try {
      await this.staging.flush();
      const tensors = jobs.filter((j) => this.jobs[j].kind === "encode").length;
      await this.journal.append({ jobs, tensors } satisfies JobsDone);
    } catch {
      this.#broken = true;
    }
  }
}
