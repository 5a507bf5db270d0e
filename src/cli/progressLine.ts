import type { Progress } from "../core/api/engine";
import { bytesPerSecond, secondsLeft } from "../core/pace";
import { bytes, seconds } from "./numbers";

/** One line on standard error that is written over, when a person watches. */
export class ProgressLine {
  readonly #shown = process.stderr.isTTY === true;

  update(progress: Progress): void {
    if (!this.#shown) return;
    const { tensorsDone, tensorsTotal, bytesDone, bytesTotal } = progress;
    const share = bytesTotal > 0 ? bytesDone / bytesTotal : 1;
    const parts = [`${Math.floor(100 * share)} %`, `${tensorsDone} of ${tensorsTotal} tensors`, `${bytes(bytesDone)} of ${bytes(bytesTotal)}`];
    const left = secondsLeft(progress);
    if (left !== undefined) parts.push(`${bytes(bytesPerSecond(progress)!)}/s`, `${seconds(left)} left`);
    const line = parts.join("  ").slice(0, Math.max(1, (process.stderr.columns || 80) - 1));
    process.stderr.write(`\r\x1b[K${line}`);
  }

  clear(): void {
    if (this.#shown) process.stderr.write("\r\x1b[K");
  }
}
