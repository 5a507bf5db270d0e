/** Seconds of the best run out of as many as three seconds hold, at least five: other work on the machine only ever adds. */
export async function bestSeconds(run: () => void | Promise<void>): Promise<number> {
  return (await bestOfEach([run]))[0];
}

/** The same for several, in turns, so that what else the machine does meets all of them alike. */
export async function bestOfEach(runs: readonly (() => void | Promise<void>)[]): Promise<number[]> {
  const best = runs.map(() => Infinity);
  const until = performance.now() + 3000 * runs.length;
  for (let i = 0; i < 5 || performance.now() < until; i++) {
    for (const [k, run] of runs.entries()) {
      const start = performance.now();
      await run();
      best[k] = Math.min(best[k], (performance.now() - start) / 1000);
    }
  }
  return best;
}
