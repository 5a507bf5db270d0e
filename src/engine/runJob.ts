import type { ByteSink } from "../core/bytes";
import type { CancellationToken } from "../core/cancellation";
import { checkCancelled } from "../core/cancellation";
import { EngineError } from "../core/errors";
import { arrange } from "../formats/arrange";
import type { ExportJob } from "./exportJobs";
import { isInPlace } from "./exportJobs";
import type { Pool } from "./tasks";

export interface JobContext {
  readonly pool: Pool;
  readonly sinks: readonly ByteSink[];
  readonly token: CancellationToken;
  onBytes(bytes: number): void;
}

/** Does one piece of an export. The workers write in place wherever a plane keeps its layout. */
export async function runJob(job: ExportJob, { pool, sinks, token, onBytes }: JobContext): Promise<void> {
  if (job.kind === "bytes") return sinks[job.sink].write(job.offset, job.bytes);
  if (job.kind === "copy") {
    const { sourcePath, sourceOffset, offset, byteLength } = job;
    const target = { path: sinks[job.sink].temporaryPath, offset };
    return pool.run({ kind: "copy", source: { path: sourcePath, offset: sourceOffset }, target, byteLength }, token, onBytes);
  }
  const { tensor, encoding, ropeHeads } = job;
  const planes = job.planes.map((targets) =>
    isInPlace(targets) ? { path: sinks[targets[0].sink].temporaryPath, offset: targets[0].segment.offset } : { collect: true as const });
  const result = await pool.run({ kind: "encode", tensor, encoding, planes, ropeHeads }, token, onBytes);
  for (const [i, targets] of job.planes.entries()) {
    if (isInPlace(targets)) continue;
    const plane = result.planes[i];
    for (const { sink, segment } of targets) {
      checkCancelled(token);
      if (!plane) throw new EngineError("malformed", `Plane ${i} of the encoded tensor is missing.`, { tensor: tensor.name });
      const bytes = segment.arrangement === "rows" ? plane : arrange(segment.arrangement, { plane, rows: tensor.rows, columns: tensor.columns });
      await sinks[sink].write(segment.offset, bytes);
    }
  }
}
