// What the page has still to do: frames and timers that it asked for. A test that waits for rest waits as long as it takes, not longer.
const pending = new Set<string>();

function follow(ask: "requestAnimationFrame" | "setTimeout", forget: "cancelAnimationFrame" | "clearTimeout"): void {
  const asked = window[ask].bind(window) as (run: (...given: unknown[]) => void, ...given: unknown[]) => number;
  const forgotten = window[forget].bind(window) as (id?: number) => void;
  Object.assign(window, {
    [ask](run: (...given: unknown[]) => void, ...rest: unknown[]): number {
      const id = asked((...given) => {
        pending.delete(`${ask} ${id}`);
        run(...given);
      }, ...rest);
      pending.add(`${ask} ${id}`);
      return id;
    },
    [forget](id?: number): void {
      pending.delete(`${ask} ${id}`);
      forgotten(id);
    },
  });
}

const frame = window.requestAnimationFrame.bind(window);
const nextFrame = () => new Promise<number>((resolve) => frame(resolve));
follow("requestAnimationFrame", "cancelAnimationFrame");
follow("setTimeout", "clearTimeout");

/** Rings that turn as long as something runs do not count. */
const moves = ({ playState, effect }: Animation) => playState === "running" && effect?.getComputedTiming().endTime !== Infinity;

const quietFrames = 4;
const longestMs = 15_000;

/** Fonts are there, nothing moves, and for some frames the page has not asked for another one, nor for a timer. */
async function rest(): Promise<void> {
  await document.fonts.ready;
  const end = performance.now() + longestMs;
  for (let quiet = 0; quiet < quietFrames; ) {
    if (performance.now() > end) throw new Error(`The page does not come to rest: ${[...pending].slice(0, 5).join(", ") || "something moves"}.`);
    await nextFrame();
    quiet = pending.size || document.getAnimations().some(moves) ? 0 : quiet + 1;
  }
}
Object.assign(window, { rest });
