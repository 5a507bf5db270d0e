import type {
  ComparedModel, ComparedTensor, CompareEvent, CompareSummary, TensorComparison, UnmatchedTensor,
} from "../core/api/compare";
import type { CancellationToken } from "../core/cancellation";
import { EngineError, toEngineError } from "../core/errors";
import type { ModelIndex, TensorInfo } from "../core/model";
import { rowAt, rowCount } from "../core/rowOrder";
import { encoding as encodingNamed } from "../encodings/index";
import { align, type AlignedPair, type LeftOver } from "../graph/align";
import { type ComparePartial, compareShares, momentsOf, signalToNoise } from "../metrics";
import { Meter } from "./meter";
import type { OpenModel } from "./openModel";
import { runWindow } from "./schedule";
import { type CompareTask, type Pool, type TensorSource } from "./tasks";
import { TensorSources } from "./tensorSource";

/** Enough small tensors queued that no thread waits for the next message. */
const tasksPerThread = 4;

export interface CompareContext {
  readonly a: OpenModel;
  readonly b: OpenModel;
  readonly pool: Pool;
  readonly token: CancellationToken;
  now(): number;
  onEvent(event: CompareEvent): void;
}

/**
 * One comparison or failure per aligned pair, as they are done; a pair that fails does not stop the others. "bad-request" when the
 * models have nothing that can be compared.
 */
export async function compareModels(context: CompareContext): Promise<CompareSummary> {
  const { a, b, pool, token } = context;
  const { pairs, unmatched } = align(withElements(a.index), withElements(b.index));
  if (pairs.length === 0) throw nothingInCommon(a.index, b.index, unmatched);
  const sources = { a: new TensorSources(a), b: new TensorSources(b) };
  const emit = (event: CompareEvent) => {
    if (!token.isCancellationRequested) context.onEvent(event);
  };
  const meter = new Meter({
    tensorsTotal: pairs.length,
    bytesTotal: pairs.reduce((sum, pair) => sum + bytesOf(pair), 0),
    now: context.now,
    onProgress: (progress) => emit({ kind: "progress", progress }),
  });
  const totals = new Map<AlignedPair, Totals>();
  let failed = 0;
  const window = { parallel: Math.max(1, pool.threads) * tasksPerThread, maxHeld: Infinity, held: () => 0, token };
  await runWindow(pairs, window, async (pair) => {
    const share = meter.item(bytesOf(pair));
    const finish = () => {
      share.done();
      meter.tensorDone();
      return meter.progress();
    };
    try {
      const task = taskOf(pair, await sources.a.of(pair.a), await sources.b.of(pair.b));
      const found = await pool.run(task, token, share.add);
      const { squaredError, energy, nonFinite } = found;
      totals.set(pair, { squaredError, energy, nonFinite });
      emit({ kind: "pair", comparison: comparisonOf(pair, task, found), progress: finish() });
    } catch (error) {
      if (token.isCancellationRequested) throw error;
      failed++;
      const { code, message, place } = toEngineError(error);
      const plain = { code, message, place: { tensor: pair.a.name, ...place } };
      emit({ kind: "failed", a: pair.a.name, b: pair.b.name, error: plain, progress: finish() });
    }
  });
  const sums = { squaredError: 0, energy: 0, nonFinite: 0 };
  // In the order of the model, so that the sums are the same every time.
  for (const pair of pairs) {
    const found = totals.get(pair);
    if (!found) continue;
    sums.squaredError += found.squaredError;
    sums.energy += found.energy;
    sums.nonFinite += found.nonFinite;
  }
  return {
    a: describe(a.index),
    b: describe(b.index),
    unmatched: unmatched.map(explain),
    squaredError: sums.squaredError,
    ...(totals.size > 0 ? signalToNoise(sums) : { relativeSquaredError: NaN, sqnr: NaN }),
    failed,
    progress: meter.progress(),
  };
}

/** Bytes read for a pair: of a tensor that holds others, its share. */
function bytesOf({ a, b, part }: AlignedPair): number {
  const of = (side: "a" | "b", { byteLength, elementCount }: TensorInfo, other: TensorInfo) =>
    part?.side === side ? Math.round((byteLength * other.elementCount) / elementCount) : byteLength;
  return of("a", a, b) + of("b", b, a);
}

/** Small, for thousands of pairs. */
type Totals = Pick<ComparePartial, "squaredError" | "energy" | "nonFinite">;

const withElements = (index: ModelIndex): ModelIndex => ({ ...index, tensors: index.tensors.filter((t) => t.elementCount > 0) });

/** Both tensors in one view. Throws "unsupported" when their files' layouts allow none. */
function taskOf(pair: AlignedPair, a: TensorSource, b: TensorSource): CompareTask {
  const { rows: order, offset } = pair;
  const common = { kind: "compare", ...(order && { order }), ...(offset !== undefined && { offset }) } as const;
  if (order && Math.min(pair.a.shape.length, pair.b.shape.length) < 2) {
    // Of a bias whose order or place matters, the elements are the rows.
    const view = (source: TensorSource) => ({ ...source, rows: source.rows * source.columns, columns: 1, columnsPerInput: 1, hasChannels: false });
    if (isFlat(a) && isFlat(b)) return { ...common, a: view(a), b: view(b) };
  } else if (order) {
    const [inA, inB] = [order.a ? rowCount(order.a) : a.rows, order.b ? rowCount(order.b) : b.rows];
    if (a.columns === b.columns && inA === inB) return { ...common, a, b };
  } else if (a.rows === b.rows && a.columns === b.columns) {
    const { hasChannels, columnsPerInput } = a;
    return { ...common, a, b: { ...b, hasChannels, columnsPerInput } };
  } else if (isFlat(b)) {
    const { rows, columns, columnsPerInput, hasChannels } = a;
    return { ...common, a, b: { ...b, rows, columns, columnsPerInput, hasChannels } };
  } else if (isFlat(a)) {
    const { rows, columns, columnsPerInput, hasChannels } = b;
    return { ...common, a: { ...a, rows, columns, columnsPerInput, hasChannels }, b };
  }
  const views = `${a.rows} × ${a.columns} and ${b.rows} × ${b.columns}`;
  throw new EngineError("unsupported", `The files lay this tensor out differently (${views}), so it cannot be compared.`, {
    tensor: a.name,
  });
}

/** Can its elements be cut into rows of any length? */
function isFlat({ storage }: TensorSource): boolean {
  if (storage.transposed || storage.encoding === "affine") return false;
  const { blockElements, planes } = encodingNamed(storage.encoding);
  return blockElements === 1 && planes.length === 1 && Number.isInteger(planes[0].rowBytes(1));
}

function comparisonOf(pair: AlignedPair, task: CompareTask, found: ComparePartial): TensorComparison {
  const { a, b, rows, undone, part } = pair;
  const { count, nonFinite, squaredError, maxDifference } = found;
  const { worstOutputs, ...shares } = compareShares(found, task.a.columnsPerInput);
  return {
    a: tensorOf(a),
    b: tensorOf(b),
    // Of q in a matrix of q, k and v: q.
    role: part?.side === "a" ? b.role : a.role,
    ...(a.layer !== undefined && { layer: a.layer }),
    undone,
    ...(part && { part }),
    count,
    nonFinite,
    squaredError,
    ...signalToNoise(found),
    ...momentsOf(found),
    maxDifference,
    worstOutputs: worstOutputs?.map(({ index, share }) => ({ index: rows?.a ? rowAt(rows.a, index) : index, share })),
    ...shares,
  };
}

const tensorOf = ({ name, shape, encodingLabel }: TensorInfo): ComparedTensor => ({ name, shape, encodingLabel });

function describe({ path, format, architecture, tensors, parameterCount, byteLength }: ModelIndex): ComparedModel {
  return { path, format, architecture, tensorCount: tensors.length, parameterCount, byteLength };
}

const shapeOf = ({ shape }: TensorInfo) => shape.join("×") || "scalar";

function explain(left: LeftOver): UnmatchedTensor {
  const { a, b, reason } = left;
  return { ...(a && { a: tensorOf(a) }), ...(b && { b: tensorOf(b) }), reason, message: sentence(left) };
}

function sentence({ a, b, reason, side }: LeftOver): string {
  if (!a) return `${b!.name} is in the second model only.`;
  if (!b) return `${a.name} is in the first model only.`;
  const both = a.name === b.name ? a.name : `${a.name} and ${b.name}`;
  if (reason === "shape") return `${both}: ${shapeOf(a)} against ${shapeOf(b)}.`;
  if (reason === "order") {
    const { name } = side === "a" ? a : b;
    return `${both}: the ${side === "a" ? "first" : "second"} model does not tell how heads share the rows of ${name}, so their order cannot be undone.`;
  }
  const closed = a.storage ? b : a;
  return `${both}: values stored as ${closed.encodingLabel} cannot be decoded.`;
}

function nothingInCommon(a: ModelIndex, b: ModelIndex, unmatched: readonly LeftOver[]): EngineError {
  const near = unmatched.filter((one) => one.a && one.b);
  const why = near.length === 0
    ? "no tensor of the one has a counterpart in the other by name or role"
    : `of ${near.length} counterparts none can be compared (${sentence(near[0]).replace(/\.$/, "")})`;
  const models = `These models (${a.architecture} and ${b.architecture})`;
  const message = `${models} have nothing to compare: ${why}; choose two files of the same network.`;
  return new EngineError("bad-request", message, { file: b.path });
}
