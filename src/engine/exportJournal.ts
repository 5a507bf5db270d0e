import type { ExportRequest } from "../core/api/engine";

/** What must be the same for an export to go on where another process left it. */
export interface ExportIdentity {
  /** Name of the code that encodes. */
  readonly build: string;
  /** Digest of the model's files as they are. */
  readonly source: string;
  /** Digest of every output file to its last byte's origin. */
  readonly plan: string;
}

export interface JournalHeader extends ExportIdentity {
  readonly bitlens: 1;
  readonly request: ExportRequest;
  /** Of the staged files. */
  readonly mark: string;
  readonly jobs: number;
  readonly tensors: number;
  /** ISO 8601. */
  readonly started: string;
}

export interface ExportRecord {
  readonly header: JournalHeader;
  /** Jobs by position whose bytes were all on the disk. */
  readonly done: ReadonlySet<number>;
  /** Tensors among them. */
  readonly tensorsDone: number;
}

/** The entry that follows when jobs were done. */
export interface JobsDone {
  /** By position. */
  readonly jobs: readonly number[];
  /** How many of them encode a tensor. */
  readonly tensors: number;
}

/** Undefined unless it begins with a header. What follows the first entry that makes no sense is not believed. */
export function parseJournal([header, ...rest]: readonly unknown[]): ExportRecord | undefined {
  if (!isHeader(header)) return undefined;
  const done = new Set<number>();
  let tensorsDone = 0;
  for (const entry of rest) {
    if (!isDone(entry) || entry.jobs.some((job) => job < 0 || job >= header.jobs || done.has(job))) break;
    for (const job of entry.jobs) done.add(job);
    tensorsDone += entry.tensors;
  }
  return { header, done, tensorsDone };
}

export const sameExport = (a: ExportIdentity, b: ExportIdentity) => a.build === b.build && a.source === b.source && a.plan === b.plan;

function isHeader(value: unknown): value is JournalHeader {
  const h = value as Partial<JournalHeader> | undefined;
  return (
    h?.bitlens === 1 && [h.build, h.source, h.plan, h.started].every((t) => typeof t === "string") && isMark(h.mark) && isCount(h.jobs) &&
    isCount(h.tensors) && typeof h.request?.path === "string" && typeof h.request.output === "string"
  );
}

function isDone(value: unknown): value is JobsDone {
  const entry = value as Partial<JobsDone> | undefined;
  return Array.isArray(entry?.jobs) && entry.jobs.every(isCount) && isCount(entry.tensors);
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
/** It becomes part of a file name. */
const isMark = (value: unknown): value is string => typeof value === "string" && /^[0-9a-f]{8}$/.test(value);
