import type { OutputFile } from "../formats/format";
import type { EngineDeps } from "./deps";
import type { ExportIdentity } from "./exportJournal";
import type { OpenModel } from "./openModel";
import type { PreparedExport } from "./preparedExport";

type Machine = Pick<EngineDeps, "files" | "build" | "digest">;

/** What an export is of and what it will write, in digests. */
export async function exportIdentity(prepared: PreparedExport, machine: Machine): Promise<ExportIdentity> {
  const { model, outputs, place, jobs } = prepared;
  const methods = jobs.flatMap((job) => (job.kind === "encode" && job.method ? [[job.tensor.name, job.method]] : []));
  const plan = machine.digest([place.path, JSON.stringify(methods), ...planParts(outputs)]);
  return { build: machine.build, source: machine.digest(await sourceParts(model, outputs, machine)), plan };
}

/** The journal's name: one for each place an export can go to. */
export const journalName = (path: string, { digest }: Pick<Machine, "digest">) => `export-${digest([path])}`;

/** Content by its fingerprint, and the state of every file that the export reads: any change of one gives another digest. */
async function sourceParts(model: OpenModel, outputs: readonly OutputFile[], { files }: Machine): Promise<string[]> {
  const parts = [await model.fingerprint(), ...[...model.stamps].map(([file, stamp]) => `${file}|${stamp}`)];
  const copied = outputs.flatMap((o) => o.segments.flatMap((s) => (s.kind === "copy" ? [s.source] : [])));
  for (const name of [...new Set(copied)].sort()) {
    const file = files.join(model.folder.path, name);
    if (!model.stamps.has(file)) parts.push(`${file}|${await files.stamp(file)}`);
  }
  return parts;
}

function* planParts(outputs: readonly OutputFile[]): Iterable<string | Uint8Array> {
  for (const { name, byteLength, segments } of outputs) {
    yield `${name}|${byteLength}|${segments.length}`;
    for (const segment of segments) {
      if (segment.kind !== "bytes") yield JSON.stringify(segment);
      else yield* [`bytes|${segment.offset}`, segment.bytes];
    }
  }
}
