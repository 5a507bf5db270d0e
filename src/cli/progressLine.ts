import type { Progress } from "../core/api/engine";
import { bytes, seconds } from "./numbers";

/** One line on standard error that is written over, when a person watches. */
export class ProgressLine {
  readonly #shown = process.stderr.isTTY === true;

  update({ tensorsDone, tensorsTotal, bytesDone, bytesTotal, seconds: elapsed }: Progress): void {
    if (!this.#shown) return;
    const share = bytesTotal > 0 ? bytesDone / bytesTotal : 1;
    const parts = [`${Math.floor(100 * share)} %`, `${tensorsDone} of ${tensorsTotal} tensors`, `${bytes(bytesDone)} of ${bytes(bytesTotal)}`];
    if (elapsed > 0.5 && bytesDone > 0) {
      parts.push(`${bytes(bytesDone / elapsed)}/s`, `${seconds((elapsed * (bytesTotal - bytesDone)) / bytesDone)} left`);
    }
    const line = parts.join("  ").slice(0, Math.max(1, (process.stderr.columns || 80) - 1));
    process.stderr.write(`\r\x1b[K${line}`);
  }

  clear(): void {
    if (this.#shown) process.stderr.write("\r\x1b[K");
  }
}
