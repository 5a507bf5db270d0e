import { EngineError, toEngineError } from "../core/errors";
import type { OutputFile } from "../formats/format";
import type { Staging } from "./deps";
import type { PlannedExport } from "./exportChoices";
import type { ModelOpener, OpenModel } from "./openModel";

export interface ReadBack {
  readonly opener: ModelOpener;
  readonly staging: Staging;
  readonly outputs: readonly OutputFile[];
  readonly model: OpenModel;
  readonly planned: Pick<PlannedExport, "tensorCount" | "parameterCount">;
  /** Name of the file to open. */
  readonly main: string;
}

/** Opens what was written with our own reader, before it gets its final name, and compares it with what was meant. */
export async function readBack({ opener, staging, outputs, model, planned, main }: ReadBack): Promise<void> {
  const fail = (what: string, tensor?: string): never => {
    const message = `The written model does not read back (${what.replace(/\.$/, "")}), so it was not kept; please report this.`;
    throw new EngineError("io", message, { file: staging.files[0].path, tensor });
  };
  const { folder, index } = await opener.openOnce(staging.folder, main).catch((error: unknown) => fail(toEngineError(error).message));
  for (const output of outputs) {
    const size = await folder.size(output.name);
    if (size !== output.byteLength) fail(`${output.name} has ${size} bytes instead of ${output.byteLength}`);
  }
  const source = model.index;
  const known = new Set(source.problems.map((p) => p.code));
  const problem = index.problems.find((p) => !known.has(p.code));
  if (problem) fail(problem.message, problem.tensor);
  if (index.tensors.length !== planned.tensorCount) fail(`${index.tensors.length} tensors instead of ${planned.tensorCount}`);
  if (index.parameterCount !== planned.parameterCount) fail(`${index.parameterCount} parameters instead of ${planned.parameterCount}`);
}
