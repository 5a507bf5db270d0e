import { EngineError } from "../core/errors";
import { encodingFacts } from "../encodings/index";
import type { OutputFile, Segment } from "../formats/format";
import type { ChosenMethod, TensorSource } from "./tasks";
import type { TensorSources } from "./tensorSource";

type PlaneSegment = Extract<Segment, { kind: "plane" }>;

/** A piece of an export that can run beside the others. `readBytes` are source bytes, for progress. */
export type ExportJob =
  | { readonly kind: "bytes"; readonly sink: number; readonly offset: number; readonly bytes: Uint8Array; readonly readBytes: 0 }
  | {
      readonly kind: "copy";
      readonly sink: number;
      readonly offset: number;
      readonly byteLength: number;
      readonly sourcePath: string;
      readonly sourceOffset: number;
      readonly readBytes: number;
    }
  | {
      readonly kind: "encode";
      readonly tensor: TensorSource;
      readonly encoding: string;
      readonly method?: ChosenMethod;
      readonly ropeHeads?: number;
      /** By plane of the encoding: where it goes, more than once for shared weights. */
      readonly planes: readonly (readonly PlaneTarget[])[];
      readonly readBytes: number;
      /** Bytes that are held whole before they can be written. */
      readonly heldBytes: number;
    };

export interface PlaneTarget {
  readonly sink: number;
  readonly segment: PlaneSegment;
}

/** Methods by tensor, where a recipe names any. */
export type ChosenMethods = ReadonlyMap<string, ChosenMethod>;

/** The plan's segments as jobs: the planes of a tensor together, neighbouring copies joined. */
export async function exportJobs(
  outputs: readonly OutputFile[],
  sources: TensorSources,
  methods: ChosenMethods = new Map(),
): Promise<readonly ExportJob[]> {
  const { model } = sources;
  const jobs: ExportJob[] = [];
  const encoded = new Map<string, PlaneTarget[]>();
  for (const [sink, output] of outputs.entries()) {
    checkGapless(output);
    for (const segment of joinCopies(output.segments)) {
      if (segment.byteLength === 0) continue;
      if (segment.kind === "plane") {
        const targets = encoded.get(segment.tensor);
        if (targets) targets.push({ sink, segment });
        else encoded.set(segment.tensor, [{ sink, segment }]);
      } else if (segment.kind === "copy") {
        const { offset, byteLength, sourceOffset } = segment;
        const sourcePath = await model.folder.resolve(segment.source);
        jobs.push({ kind: "copy", sink, offset, byteLength, sourcePath, sourceOffset, readBytes: byteLength });
      } else {
        jobs.push({ kind: "bytes", sink, offset: segment.offset, bytes: segment.bytes, readBytes: 0 });
      }
    }
  }
  const byName = new Map(model.index.tensors.map((t) => [t.name, t]));
  for (const [name, targets] of encoded) {
    const info = byName.get(name);
    if (!info) throw new EngineError("malformed", "The export plan names a tensor that the model does not have.", { tensor: name });
    const { encoding, ropeHeads } = targets[0].segment;
    const tensor = await sources.of(info);
    const planeBytes = encodingFacts.planeBytes(encoding, tensor.rows, tensor.columns);
    const planes = planeBytes.map((_, plane) => targets.filter((t) => t.segment.plane === plane));
    checkPlanes(name, encoding, planeBytes, planes);
    const heldBytes = planes.reduce((sum, to, i) => sum + (isInPlace(to) ? 0 : planeBytes[i]), 0);
    jobs.push({ kind: "encode", tensor, encoding, method: methods.get(name), ropeHeads, planes, readBytes: info.byteLength, heldBytes });
  }
  // The largest first, so that no thread is left alone with one at the end.
  return jobs.sort((a, b) => b.readBytes - a.readBytes);
}

/** Bytes of the output that it writes. */
export function jobBytes(job: ExportJob): number {
  if (job.kind === "bytes") return job.bytes.length;
  if (job.kind === "copy") return job.byteLength;
  return job.planes.flat().reduce((sum, { segment }) => sum + segment.byteLength, 0);
}

/** Can the workers write this plane straight to its place? */
export function isInPlace(targets: readonly PlaneTarget[]): boolean {
  return targets.length === 1 && targets[0].segment.arrangement === "rows";
}

type Sized = Exclude<Segment, { kind: "bytes" }> | (Extract<Segment, { kind: "bytes" }> & { readonly byteLength: number });

function joinCopies(segments: readonly Segment[]): readonly Sized[] {
  const joined: Sized[] = [];
  for (const segment of segments) {
    const last = joined.at(-1);
    if (segment.kind === "copy" && last?.kind === "copy" && last.source === segment.source && last.offset + last.byteLength === segment.offset &&
      last.sourceOffset + last.byteLength === segment.sourceOffset) {
      joined[joined.length - 1] = { ...last, byteLength: last.byteLength + segment.byteLength };
    } else {
      joined.push(segment.kind === "bytes" ? { ...segment, byteLength: segment.bytes.length } : segment);
    }
  }
  return joined;
}

/** A hole would be read back as zeros, an overlap as whichever came last. */
function checkGapless(output: OutputFile): void {
  let end = 0;
  for (const s of output.segments) {
    if (s.offset !== end) throw new EngineError("malformed", `The export plan is not continuous at byte ${end}.`, { file: output.name, offset: s.offset });
    end += s.kind === "bytes" ? s.bytes.length : s.byteLength;
  }
  if (end !== output.byteLength) {
    throw new EngineError("malformed", `The export plan ends at byte ${end} of ${output.byteLength}.`, { file: output.name, offset: end });
  }
}

function checkPlanes(tensor: string, encoding: string, planeBytes: readonly number[], planes: readonly (readonly PlaneTarget[])[]): void {
  for (const [i, targets] of planes.entries()) {
    for (const { segment } of targets) {
      if (segment.encoding !== encoding) throw new EngineError("malformed", "The export plan stores one tensor in two encodings.", { tensor });
      if (segment.arrangement === "rows" && segment.byteLength !== planeBytes[i]) {
        throw new EngineError("malformed", `The export plan gives ${segment.byteLength} bytes to a plane of ${planeBytes[i]}.`, { tensor });
      }
    }
  }
}
