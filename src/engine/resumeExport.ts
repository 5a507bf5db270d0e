import type { InterruptedExport } from "../core/api/engine";
import type { EngineDeps, EngineFiles, OutputPlace, Staging } from "./deps";
import { exportIdentity, journalName } from "./exportIdentity";
import { type ExportJob, jobBytes } from "./exportJobs";
import { type ExportRecord, type JournalHeader, parseJournal, sameExport } from "./exportJournal";
import { folderOf, requireSpace } from "./outputPlace";
import type { PreparedExport } from "./preparedExport";
import type { Journal } from "./stores";

export interface BegunExport {
  readonly staging: Staging;
  /** Jobs by position whose bytes are staged already. */
  readonly done: ReadonlySet<number>;
  /** The journal knows of this staging. */
  readonly noted: boolean;
}

type Machine = Pick<EngineDeps, "files" | "build" | "digest" | "journals">;

/**
 * Files to write into: those of the same export that was interrupted, else new ones. What another export to this place had
 * left is removed. Throws "io" before anything is written when the disk has too little room.
 */
export async function beginExport(
  { request, ...machine }: Machine & { readonly request: { readonly fresh?: boolean } & InterruptedExport["request"] },
  prepared: PreparedExport,
  journal: Journal | undefined,
): Promise<BegunExport> {
  const { files } = machine;
  const { place, outputs, jobs } = prepared;
  const sizes = outputs.map(({ name, byteLength }) => ({ name, byteLength }));
  const identity = journal && (await exportIdentity(prepared, machine));
  const earlier = journal && parseJournal(journal.entries);
  if (identity && earlier && !request.fresh && sameExport(earlier.header, identity) && earlier.header.jobs === jobs.length) {
    await requireSpace(files, place, prepared.byteLength - bytesDone(jobs, earlier.done));
    const staging = await files.restage(place, earlier.header.mark, sizes);
    if (staging) return { staging, done: earlier.done, noted: true };
  }
  if (earlier) await files.unstage(place, earlier.header.mark);
  await requireSpace(files, place, prepared.byteLength);
  const mark = newMark();
  // Before anything is written: whenever the process ends, the journal knows what there is to go on with or to remove.
  const noted = identity !== undefined && (await note(journal!, {
    bitlens: 1,
    ...identity,
    // Whoever goes on with it may stand in another folder.
    request: { ...request, path: files.split(request.path).path, output: place.path, fresh: undefined },
    mark,
    jobs: jobs.length,
    tensors: jobs.filter((j) => j.kind === "encode").length,
    started: new Date().toISOString(),
  }));
  try {
    return { staging: await files.stage(place, sizes, mark), done: new Set(), noted };
  } catch (error) {
    await journal?.remove();
    throw error;
  }
}

const newMark = () => Math.floor(Math.random() * 2 ** 32).toString(16).padStart(8, "0");

/** False where it cannot be written: the export is made all the same. */
async function note(journal: Journal, header: JournalHeader): Promise<boolean> {
  try {
    await journal.start(header);
    return true;
  } catch {
    return false;
  }
}

/** Bytes of the output that these jobs write. */
export function bytesDone(jobs: readonly ExportJob[], done: ReadonlySet<number>): number {
  return jobs.reduce((sum, job, i) => sum + (done.has(i) ? jobBytes(job) : 0), 0);
}

/** What can go on of an export that was interrupted, without taking hold of it. */
export async function interruptedRecord(prepared: PreparedExport, machine: Machine): Promise<ExportRecord | undefined> {
  const entries = await machine.journals?.read(journalName(prepared.place.path, machine)).catch(() => undefined);
  const record = entries && parseJournal(entries);
  if (!record || record.header.jobs !== prepared.jobs.length || !sameExport(record.header, await exportIdentity(prepared, machine))) return undefined;
  return (await machine.files.isStaged(prepared.place, record.header.mark)) ? record : undefined;
}

/** Journals whose export nobody works on any more. Those that lead nowhere are removed on the way. */
export async function interruptedExports({ journals, files }: Machine): Promise<readonly InterruptedExport[]> {
  const found: InterruptedExport[] = [];
  for (const name of (await journals?.idle().catch(() => [])) ?? []) {
    const record = parseJournal((await journals!.read(name)) ?? []);
    const place = record && placeOf(record, files);
    // The disk may be one that is not there today.
    if (place && !(await files.isFolder(folderOf(files, place)))) continue;
    if (place && (await files.isStaged(place, record.header.mark))) {
      const { request, tensors, started } = record.header;
      found.push({ request, tensorsDone: record.tensorsDone, tensorsTotal: tensors, started });
    } else {
      const journal = await journals!.hold(name).catch(() => undefined);
      await journal?.remove();
    }
  }
  return found.sort((a, b) => (a.started < b.started ? -1 : 1));
}

/** Removes the journal and the staged files of an interrupted export; one under way stays as it is. */
export async function discardExport(output: string, machine: Machine): Promise<void> {
  const { files, journals } = machine;
  const journal = await journals?.hold(journalName(files.split(output).path, machine));
  if (!journal) return;
  const record = parseJournal(journal.entries);
  if (record) await files.unstage(placeOf(record, files), record.header.mark);
  await journal.remove();
}

/** Where it is staged is the same for a file and a folder. */
function placeOf({ header }: ExportRecord, files: EngineFiles): OutputPlace {
  return { kind: "folder", path: files.split(header.request.output).path };
}
