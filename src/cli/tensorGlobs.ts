import picomatch from "picomatch";
import { EngineError } from "../core/errors";
import type { ModelIndex, TensorInfo } from "../core/model";
import { UsageError } from "./outcome";

/** No pattern that a person writes is longer, and matching one may take long. */
const longestGlob = 1000;

/**
 * The tensors that match any of the patterns, in the file's order. A `*` also matches dots and slashes; a name that stands
 * in the model as it is written is taken literally. Throws when a pattern matches nothing.
 */
export function matchTensors(index: ModelIndex, globs: readonly string[]): readonly TensorInfo[] {
  const names = new Set(index.tensors.map((t) => t.name));
  const found = new Set<string>();
  for (const glob of globs) {
    if (names.has(glob)) {
      found.add(glob);
      continue;
    }
    const matches = matcher(glob);
    const hits = index.tensors.filter((t) => matches(t.name));
    if (hits.length === 0) {
      const example = index.tensors[0] ? ` (names look like ${index.tensors[0].name})` : "";
      throw new EngineError("bad-request", `No tensor matches "${glob}"${example}.`, { file: index.path });
    }
    for (const hit of hits) found.add(hit.name);
  }
  return index.tensors.filter((t) => found.has(t.name));
}

function matcher(glob: string): (name: string) => boolean {
  if (glob === "") throw new UsageError("The pattern for --tensor is empty.");
  if (glob.length > longestGlob) throw new UsageError(`The pattern for --tensor is longer than ${longestGlob} characters.`);
  try {
    // "bash": a star also matches slashes, which ONNX names are full of.
    return picomatch(glob, { bash: true, dot: true, strictBrackets: true });
  } catch (error) {
    throw new UsageError(`The pattern "${glob}" for --tensor is not understood (${(error as Error).message}).`);
  }
}
