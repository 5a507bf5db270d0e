import type { ExportRequest } from "../core/api/engine";
import { digestOf } from "./digest";

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

interface DoneLine {
  readonly jobs: readonly number[];
  readonly tensors: number;
}

/** The journal of an export is lines of JSON, each behind its digest: a line that a crash or a disk spoiled is known as such. */
const line = (value: unknown) => {
  const text = JSON.stringify(value);
  return `${digestOf(text)} ${text}\n`;
};

export const headerLine = (header: JournalHeader): string => line(header);

/** `tensors`: how many of the jobs encode a tensor. */
export const doneLine = (jobs: readonly number[], tensors: number): string => line({ jobs, tensors } satisfies DoneLine);

/** Undefined unless the header is whole. What follows the first spoiled line is not believed. */
export function parseJournal(text: string): ExportRecord | undefined {
  const [first, ...rest] = text.split("\n");
  const header = valueOf(first);
  if (!isHeader(header)) return undefined;
  const done = new Set<number>();
  let tensorsDone = 0;
  for (const entry of rest.map(valueOf)) {
    if (!isDone(entry) || entry.jobs.some((job) => job < 0 || job >= header.jobs || done.has(job))) break;
    for (const job of entry.jobs) done.add(job);
    tensorsDone += entry.tensors;
  }
  return { header, done, tensorsDone };
}

export const sameExport = (a: ExportIdentity, b: ExportIdentity) => a.build === b.build && a.source === b.source && a.plan === b.plan;

function valueOf(text: string): unknown {
  const json = text.slice(17);
  if (text[16] !== " " || digestOf(json) !== text.slice(0, 16)) return undefined;
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function isHeader(value: unknown): value is JournalHeader {
  const h = value as Partial<JournalHeader> | undefined;
  return (
    h?.bitlens === 1 && [h.build, h.source, h.plan, h.started].every((t) => typeof t === "string") && isMark(h.mark) && isCount(h.jobs) &&
    isCount(h.tensors) && typeof h.request?.path === "string" && typeof h.request.output === "string"
  );
}

function isDone(value: unknown): value is DoneLine {
  const entry = value as Partial<DoneLine> | undefined;
  return Array.isArray(entry?.jobs) && entry.jobs.every(isCount) && isCount(entry.tensors);
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
/** It becomes part of a file name. */
const isMark = (value: unknown): value is string => typeof value === "string" && /^[0-9a-f]{8}$/.test(value);
