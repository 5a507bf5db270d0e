import type { Problem } from "./model";

/** Problems that say the same of several tensors, as one. */
export interface ProblemGroup {
  readonly message: string;
  readonly tensors: readonly string[];
}

/** In the order of their first; a file beside the model that is missing is one problem, not one of each of its tensors. */
export function groupProblems(problems: readonly Problem[]): ProblemGroup[] {
  const groups = new Map<string, string[]>();
  for (const { message, tensor } of problems) {
    const tensors = groups.get(message) ?? groups.set(message, []).get(message)!;
    if (tensor !== undefined) tensors.push(tensor);
  }
  return [...groups].map(([message, tensors]) => ({ message, tensors }));
}
