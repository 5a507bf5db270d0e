import type { TensorReport } from "../core/series";
import { encoding as encodingNamed } from "../encodings";
import { addCompare, addFirst, addSecond, type Band, type ComparePartial, emptyCompare, emptyFirst, emptySecond } from "../metrics";
import { bandsOf, type Division } from "./bands";
import { afterFirst, type Job, type JobResult, reportOf, wholeOf } from "./pass";
import { bandBytes } from "./passEncode";
import { type AnalyseTask, comparedShape, type CompareTask, type EncodeResult, type EncodeTask, type Task } from "./tasks";

/** Runs one job on some worker; `first` puts it before all that wait. */
export type Submit = <J extends Job>(job: J, first?: boolean) => Promise<JobResult<J>>;

/** A task as jobs for the workers, and their results put together. */
export async function runTask(task: Task, division: Division, submit: Submit): Promise<TensorReport | EncodeResult | ComparePartial | void> {
  if (task.kind === "analyse") return analyse(task, division, submit);
  if (task.kind === "compare") return compare(task, division, submit);
  if (task.kind === "encode") return encode(task, division, submit);
  return submit({ kind: "copy", task });
}

async function analyse(task: AnalyseTask, division: Division, submit: Submit): Promise<TensorReport> {
  const { tensor, encodings } = task;
  const bands = bandsOf(tensor, division, tensor.storage);
  if (bands.length === 1) return submit({ kind: "analyse", task });
  let first = emptyFirst(tensor);
  await inOrder(bands, (band) => submit({ kind: "first", tensor, band }), (part) => void (first = addFirst(first, part)));
  const after = afterFirst(first);
  let second = emptySecond(encodings.length);
  // Before other tensors' first readings: results come sooner, and the file's pages are still in memory.
  const again = (band: Band) => submit({ kind: "second", tensor, band, after, encodings }, true);
  await inOrder([...bands].reverse(), again, (part) => void (second = addSecond(second, part)));
  return reportOf(tensor, first, second, encodings);
}

async function compare(task: CompareTask, division: Division, submit: Submit): Promise<ComparePartial> {
  const { a, b } = task;
  const shape = comparedShape(task);
  const transposed = a.storage.transposed === true || b.storage.transposed === true;
  const bands = bandsOf(shape, division, { transposed });
  let whole = emptyCompare(shape, wholeOf(shape));
  await inOrder(bands, (band) => submit({ kind: "compare", task, band }), (part) => void (whole = addCompare(whole, part)));
  return whole;
}

/**
 * Results are added in the order of the bands, whatever the order they come in, so that the sums are the same every time. Few are
 * held at once: a band's channel sums can be large.
 */
async function inOrder<T>(bands: readonly Band[], run: (band: Band) => Promise<T>, add: (part: T) => void): Promise<void> {
  let previous: Promise<void> = Promise.resolve();
  // Only the promises without a value are kept: a band's result is let go once it has been added.
  const added = bands.map((band) => (previous = Promise.all([run(band), previous]).then(([part]) => add(part))));
  await Promise.all(added);
}

async function encode(task: EncodeTask, division: Division, submit: Submit): Promise<EncodeResult> {
  const { tensor, planes } = task;
  const encoding = encodingNamed(task.encoding);
  if (task.sample) {
    await submit({ kind: "encode", task, band: { ...task.sample, column: 0, columns: tensor.columns } });
    return { planes: [] };
  }
  const bands = bandsOf(tensor, division, { transposed: tensor.storage.transposed, wholeRows: true });
  const total = bandBytes(encoding, tensor.columns, { row: 0, rows: tensor.rows, column: 0, columns: tensor.columns });
  const collected = planes.map((target, i) => ("collect" in target && bands.length > 1 ? new Uint8Array(total[i]) : undefined));
  const parts = await Promise.all(bands.map(async (band) => {
    const part = await submit({ kind: "encode", task, band });
    if (bands.length === 1) return part;
    part.forEach((bytes, i) => bytes && collected[i]!.set(bytes, band.row * encoding.planes[i].rowBytes(tensor.columns)));
    return undefined;
  }));
  return { planes: parts[0] ?? collected };
}
