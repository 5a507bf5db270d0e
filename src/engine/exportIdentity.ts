import type { OutputFile } from "../formats/format";
import type { EngineFiles } from "./deps";
import { Digest, digestOf } from "./digest";
import type { ExportIdentity } from "./exportJournal";
import type { OpenModel } from "./openModel";
import type { PreparedExport } from "./preparedExport";
import { fingerprintOf } from "./recipes/fingerprint";

/** What an export is of and what it will write, in digests. */
export async function exportIdentity(prepared: PreparedExport, build: string, files: EngineFiles): Promise<ExportIdentity> {
  const { model, outputs, place, jobs } = prepared;
  const methods = jobs.flatMap((job) => (job.kind === "encode" && job.method ? [[job.tensor.name, job.method]] : []));
  const plan = digestOf(place.path, planDigest(outputs), JSON.stringify(methods));
  return { build, source: await sourceDigest(model, outputs, files), plan };
}

/** The journal's name: one for each place an export can go to. */
export const journalName = (path: string) => `export-${digestOf(path)}`;

/** Content by its fingerprint, and the state of every file that the export reads: any change of one gives another digest. */
async function sourceDigest(model: OpenModel, outputs: readonly OutputFile[], files: EngineFiles): Promise<string> {
  const digest = new Digest().text(await fingerprintOf(model));
  for (const [file, stamp] of model.stamps) digest.text(`${file}|${stamp}`);
  const copied = outputs.flatMap((o) => o.segments.flatMap((s) => (s.kind === "copy" ? [s.source] : [])));
  for (const name of [...new Set(copied)].sort()) {
    const file = files.join(model.folder.path, name);
    if (!model.stamps.has(file)) digest.text(`${file}|${await files.stamp(file)}`);
  }
  return digest.hex();
}

function planDigest(outputs: readonly OutputFile[]): string {
  const digest = new Digest();
  for (const { name, byteLength, segments } of outputs) {
    digest.text(`${name}|${byteLength}|${segments.length}`);
    for (const segment of segments) {
      if (segment.kind === "bytes") digest.text(`bytes|${segment.offset}|${segment.bytes.length}`).bytes(segment.bytes);
      else digest.text(JSON.stringify(segment));
    }
  }
  return digest.hex();
}
