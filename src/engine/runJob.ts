import type { CancellationToken } from "../core/cancellation";
import { checkCancelled } from "../core/cancellation";
import { EngineError, toEngineError } from "../core/errors";
import { arrange } from "../formats/arrange";
import type { StagedFile } from "./deps";
import type { ExportJob } from "./exportJobs";
import { isInPlace } from "./exportJobs";
import type { Pool, TensorSource } from "./tasks";

export interface JobContext {
  readonly pool: Pool;
  readonly files: readonly StagedFile[];
  readonly token: CancellationToken;
  onBytes(bytes: number): void;
}

/** Does one piece of an export. The workers write in place wherever a plane keeps its layout. */
export async function runJob(job: ExportJob, { pool, files, token, onBytes }: JobContext): Promise<void> {
  if (job.kind === "bytes") return files[job.sink].write(job.offset, job.bytes);
  if (job.kind === "copy") {
    const { sourcePath, sourceOffset, offset, byteLength } = job;
    const target = { path: files[job.sink].path, offset };
    return pool.run({ kind: "copy", source: { path: sourcePath, offset: sourceOffset }, target, byteLength }, token, onBytes);
  }
  const { tensor, encoding, method, ropeHeads } = job;
  const planes = job.planes.map((targets) =>
    isInPlace(targets) ? { path: files[targets[0].sink].path, offset: targets[0].segment.offset } : { collect: true as const });
  const result = await pool.run({ kind: "encode", tensor, encoding, method, planes, ropeHeads }, token, onBytes).catch((error) => {
    throw inFile(error, tensor);
  });
  for (const [i, targets] of job.planes.entries()) {
    if (isInPlace(targets)) continue;
    const plane = result.planes[i];
    for (const { sink, segment } of targets) {
      checkCancelled(token);
      if (!plane) throw new EngineError("malformed", `Plane ${i} of the encoded tensor is missing.`, { tensor: tensor.name });
      const bytes = segment.arrangement === "rows" ? plane : arrange(segment.arrangement, { plane, rows: tensor.rows, columns: tensor.columns });
      await files[sink].write(segment.offset, bytes);
    }
  }
}

/** A worker that stumbles over a value knows the tensor alone. */
function inFile(error: unknown, { name, paths }: TensorSource): EngineError {
  const known = toEngineError(error, { tensor: name });
  const file = known.place.file ?? paths.find((path) => path !== "");
  return new EngineError(known.code, known.message, { ...known.place, file });
}
