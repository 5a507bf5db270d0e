import type { Progress } from "./api/progress";

/** Source bytes per second of this call alone; undefined before anything was done. */
export function bytesPerSecond({ bytesDone, seconds, before }: Progress): number | undefined {
  const bytes = bytesDone - (before?.bytes ?? 0);
  return seconds > 0 && bytes > 0 ? bytes / seconds : undefined;
}

/** At the speed so far; undefined in the first half second, which says little. */
export function secondsLeft(progress: Progress): number | undefined {
  const rate = progress.seconds > 0.5 ? bytesPerSecond(progress) : undefined;
  return rate === undefined ? undefined : (progress.bytesTotal - progress.bytesDone) / rate;
}
