import { EngineError, toEngineError } from "../core/errors";
import { lastRow, rowCount, runAt, type RowOrder, type RowRun } from "../core/rowOrder";
import type { Address } from "../kernels";
import { type Band, type ComparePartial, emptyCompare } from "../metrics";
import { type Arena, STRETCH, TILE_CAPACITY } from "./passArena";
import { checkPass, type PassContext } from "./passContext";
import { TURNED_COLUMNS } from "./passMatrix";
import type { TileReader } from "./passReader";
import { tileReader } from "./passSource";
import { tileRows } from "./passTiles";
import { comparedShape, type CompareTask, type TensorSource } from "./tasks";

/** Rows of a tile where a file's order is not the matrix's. */
const TURNED_ROWS = 32;

/** A dense or evenly spaced tile of f32 rows: `stride` elements from one row to the next. */
interface Rows {
  readonly address: Address;
  readonly stride: number;
}

/**
 * Compares a band of two tensors, a tile at a time. Rows are counted as `task.order` has them. Both readers hold what they have
 * read and decoded at the same time, each in its own half of the arena.
 */
export function compareBand(context: PassContext, task: CompareTask, band: Band): ComparePartial {
  const { a, b, order } = task;
  const { rows: rowsCompared } = comparedShape(task);
  const has = (rows: number, own: RowOrder | undefined) => (own ? rowCount(own) === rowsCompared && lastRow(own) < rows : rows === rowsCompared);
  if (!has(a.rows, order?.a) || !has(b.rows, order?.b) || a.columns !== b.columns) {
    const shapes = `${a.rows} × ${a.columns} and ${b.rows} × ${b.columns}`;
    throw new EngineError("bad-request", `Tensors of ${shapes} cannot be compared.`, { tensor: a.name });
  }
  const [forA, forB] = divided(context.arena);
  const sideA = new Side({ ...context, arena: forA }, a, order?.a);
  const sideB = new Side({ ...context, arena: forB }, b, order?.b);
  const tally = new CompareTally(context, task, band);
  const bytes = sideA.reader.bytesPerElement + sideB.reader.bytesPerElement;
  // Elements of a tile whose bytes fit into half of the arena, and rows before it that packed elements need.
  const widest = Math.max(sideA.reader.bytesPerElement, sideB.reader.bytesPerElement);
  const room = Math.min(TILE_CAPACITY, (forA.rawBytes - 1024) / widest);
  const spare = Math.max(sideA.reader.alignment, sideB.reader.alignment) - 1;
  const isTurned = a.storage.transposed === true || b.storage.transposed === true;
  const part = isTurned && band.columns > TURNED_COLUMNS ? 2 * STRETCH : isTurned ? band.columns : Math.min(STRETCH, band.columns);
  const end = band.row + band.rows;
  for (let column = band.column; column < band.column + band.columns; column += part) {
    const columns = Math.min(part, band.column + band.columns - column);
    const most = isTurned ? Math.min(TURNED_ROWS, Math.floor(room / columns) - spare) : tileRows(columns);
    for (let row = band.row, rows = 0; row < end; row += rows) {
      checkPass(context.io);
      const [runA, runB] = [sideA.run(row, end), sideB.run(row, end)];
      // Rows between those of a run are decoded with them.
      const perTile = Math.max(1, Math.floor(most / Math.max(runA.stride, runB.stride)));
      rows = Math.min(perTile, runA.rows, runB.rows);
      tally.add(sideA.load(runA, rows, column, columns), sideB.load(runB, rows, column, columns), { row, rows, column, columns });
      context.io.progress(rows * columns * bytes);
    }
  }
  return tally.result();
}

/** Two readers work side by side in one arena: what encoding would use is free here. */
function divided(arena: Arena): [Arena, Arena] {
  const half = Math.floor(arena.rawBytes / 128) * 64;
  return [
    { ...arena, rawBytes: half },
    { ...arena, raw: arena.raw + half, rawBytes: arena.rawBytes - half, tile: arena.spare, clean: arena.importance },
  ];
}

/** One tensor, its rows counted in the order of the comparison, whatever the file's order is. */
class Side {
  readonly reader: TileReader;
  readonly #transposed: boolean;
  // What the next loads come from: rows of the matrix from #start up to #end, these columns.
  #start = 0;
  #end = 0;
  #columns: readonly [first: number, count: number] = [-1, 0];
  /** Outputs of a transposed tensor that are in the arena. */
  #first = 0;
  #held = 0;

  constructor(readonly context: PassContext, readonly tensor: TensorSource, readonly order: RowOrder | undefined) {
    this.#transposed = tensor.storage.transposed === true;
    this.reader = this.#named(() => tileReader(context, tensor));
  }

  /** The rows from there on that are evenly apart in the matrix, none from `end` on. */
  run(row: number, end: number): RowRun {
    if (!this.order) return { row, stride: 1, rows: end - row };
    const run = runAt(this.order, row);
    return { ...run, rows: Math.min(run.rows, end - row) };
  }

  /** The first `rows` of a run; good until this side's next load. */
  load(run: RowRun, rows: number, column: number, columns: number): Rows {
    this.#announce(run, column, columns);
    const across = (rows - 1) * run.stride + 1;
    return this.#named(() => {
      const { address, stride } = this.#transposed ? this.#turned(run.row, across, column, columns)
        : { address: this.reader.load(run.row, across, column, columns), stride: columns };
      return { address, stride: stride * run.stride };
    });
  }

  /** Only what a run needs is read; what stands between its rows is the next run's. */
  #announce({ row, stride, rows }: RowRun, column: number, columns: number): void {
    const end = Math.min(this.tensor.rows, row + rows * stride);
    if (row >= this.#start && row + (rows - 1) * stride < this.#end && this.#columns[0] === column && this.#columns[1] === columns) return;
    [this.#start, this.#end, this.#columns] = [row, end, [column, columns]];
    this.#held = 0;
    if (!this.#transposed) this.reader.window(row, end - row, column, columns);
  }

  #turned(row: number, rows: number, column: number, columns: number): Rows {
    const { arena, kernels } = this.context;
    if (row < this.#first || row + rows > this.#first + this.#held) {
      const fitting = Math.floor((arena.rawBytes - 256) / (columns * this.reader.bytesPerElement));
      this.#first = row;
      this.#held = Math.min(this.#end - row, Math.max(rows, Math.min(STRETCH, fitting)));
      this.reader.window(column, columns, row, this.#held);
    }
    const { address, stride } = this.reader.gather(row, rows);
    kernels.transpose(address, columns, rows, stride, arena.tile, columns);
    return { address: arena.tile, stride: columns };
  }

  #named<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      const e = toEngineError(error);
      throw e.place.tensor || e.code === "cancelled" ? e : new EngineError(e.code, e.message, { ...e.place, tensor: this.tensor.name });
    }
  }
}

/** Sums of one band. */
class CompareTally {
  readonly #found: ComparePartial;
  readonly #offset: number;
  #count = 0;
  #nonFinite = 0;
  #squaredError = 0;
  #sum = 0;
  #energy = 0;
  #maxDifference = 0;

  constructor(readonly context: PassContext, task: CompareTask, band: Band) {
    this.#found = emptyCompare(comparedShape(task), band);
    this.#offset = task.offset ?? 0;
  }

  add(a: Rows, b: Rows, { row, rows, column, columns }: Band): void {
    const { f32, u32 } = this.context;
    const { rowErrors, columnErrors, logCountsA, logCountsB, band } = this.#found;
    const offset = this.#offset;
    const real = new Float32Array(1);
    const word = new Uint32Array(real.buffer);
    for (let r = 0; r < rows; r++) {
      // Whole numbers for the compiler, too: an index that might be a fraction costs a tenth of the comparison.
      const fromA = ((a.address >>> 2) + r * a.stride) | 0;
      const fromB = ((b.address >>> 2) + r * b.stride) | 0;
      let rowError = 0;
      let rowSum = 0;
      let rowEnergy = 0;
      for (let c = 0; c < columns; c++) {
        const x = f32[fromA + c];
        const y = f32[fromB + c] + offset;
        let bitsB = u32[fromB + c];
        if (offset !== 0) {
          real[0] = y;
          bitsB = word[0];
        }
        const isFiniteA = x - x === 0;
        const isFiniteB = y - y === 0;
        if (isFiniteA) logCountsA[u32[fromA + c] >>> 20]++;
        if (isFiniteB) logCountsB[bitsB >>> 20]++;
        if (!isFiniteA || !isFiniteB) {
          if (!Object.is(x, y)) this.#nonFinite++;
          continue;
        }
        this.#count++;
        const d = x - y;
        const square = d * d;
        rowError += square;
        rowSum += x;
        rowEnergy += x * x;
        if (columnErrors) columnErrors[column - band.column + c] += square;
        const size = Math.abs(d);
        if (size > this.#maxDifference) this.#maxDifference = size;
      }
      if (rowErrors) rowErrors[row - band.row + r] += rowError;
      this.#squaredError += rowError;
      this.#sum += rowSum;
      this.#energy += rowEnergy;
    }
  }

  result(): ComparePartial {
    return {
      ...this.#found,
      count: this.#count,
      nonFinite: this.#nonFinite,
      squaredError: this.#squaredError,
      sum: this.#sum,
      energy: this.#energy,
      maxDifference: this.#maxDifference,
    };
  }
}
