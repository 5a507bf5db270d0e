import picomatch from "picomatch";
import { EngineError } from "../core/errors";

/** No pattern that a person writes is longer, and matching one may take long. */
const longestPattern = 1000;

const matchers = new Map<string, (name: string) => boolean>();

/**
 * The test for a tensor name pattern: `*` also matches dots and slashes, `{a,b}` and `[0-9]` as in a shell; a name that is
 * equal to the pattern always matches. "bad-request" for a pattern that is not understood.
 */
export function matcher(pattern: string): (name: string) => boolean {
  const known = matchers.get(pattern);
  if (known) return known;
  if (pattern === "") throw new EngineError("bad-request", "A tensor pattern is empty.");
  if (pattern.length > longestPattern)
    throw new EngineError("bad-request", `A tensor pattern is longer than ${longestPattern} characters.`);
  let glob: (name: string) => boolean;
  try {
    glob = picomatch(pattern, { bash: true, dot: true, strictBrackets: true });
  } catch (error) {
    throw new EngineError("bad-request", `The tensor pattern "${pattern}" is not understood (${(error as Error).message}).`);
  }
  // A lone star is everything, also the few names that a shell's star leaves out ("./x").
  const matches = (name: string) => pattern === "*" || name === pattern || glob(name);
  if (matchers.size > 1000) matchers.clear();
  matchers.set(pattern, matches);
  return matches;
}
