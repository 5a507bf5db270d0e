import { EngineError, toEngineError } from "../core/errors";
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
 * Compares a band of two tensors, a tile at a time. Rows are counted in the order of the side that is not in RoPE order. Both
 * readers hold what they have read and decoded at the same time, each in its own half of the arena.
 */
export function compareBand(context: PassContext, task: CompareTask, band: Band): ComparePartial {
  const { a, b, rope, part: within } = task;
  const firstRow = (side: "a" | "b") => (within?.side === side ? within.row : 0);
  const { rows: rowsCompared } = comparedShape(task);
  const has = (side: "a" | "b", rows: number) => (within?.side === side ? rows >= within.row + rowsCompared : rows === rowsCompared);
  if (!has("a", a.rows) || !has("b", b.rows) || a.columns !== b.columns) {
    const shapes = `${a.rows} × ${a.columns} and ${b.rows} × ${b.columns}`;
    throw new EngineError("bad-request", `Tensors of ${shapes} cannot be compared.`, { tensor: a.name });
  }
  const [forA, forB] = divided(context.arena);
  const sideA = new Side({ ...context, arena: forA }, a, firstRow("a"));
  const sideB = new Side({ ...context, arena: forB }, b, firstRow("b"));
  const [straight, paired] = rope?.side === "a" ? [sideB, sideA] : [sideA, sideB];
  const headRows = rope ? headSize(a.name, rowsCompared, rope.heads) : undefined;
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
    const perTile = Math.max(1, headRows ? most >> 1 : most);
    straight.window(band.row, band.rows, column, columns);
    // Pairs stay within their heads.
    const first = headRows ? band.row - (band.row % headRows) : band.row;
    paired.window(first, (headRows ? Math.ceil(end / headRows) * headRows : end) - first, column, columns);
    for (let row = band.row, rows = 0; row < end; row += rows) {
      checkPass(context.io);
      const half = headRows ? headRows / 2 : Infinity;
      rows = Math.min(perTile, end - row, headRows ? half - (row % half) : Infinity);
      const one = straight.load(row, rows, column, columns);
      const other = headRows ? everySecond(paired, headRows, row, rows, column, columns) : paired.load(row, rows, column, columns);
      const [rowsA, rowsB] = straight === sideA ? [one, other] : [other, one];
      tally.add(rowsA, rowsB, { row, rows, column, columns });
      context.io.progress(rows * columns * bytes);
    }
  }
  return tally.result();
}

function headSize(tensor: string, rows: number, heads: number): number {
  const d = rows / heads;
  if (Number.isInteger(d) && d % 2 === 0 && d > 0) return d;
  throw new EngineError("malformed", `${rows} rows cannot be split into ${heads} heads of even size.`, { tensor });
}

/** Rows row…row+rows of one half of a head stand two apart where halves have become pairs: h·d + s·d/2 + j at h·d + 2j + s. */
function everySecond(side: Side, headRows: number, row: number, rows: number, column: number, columns: number): Rows {
  const inHead = row % headRows;
  const half = inHead >= headRows / 2 ? 1 : 0;
  const from = row - inHead + 2 * (inHead - (half * headRows) / 2);
  const { address, stride } = side.load(from, 2 * rows, column, columns);
  return { address: address + half * stride * 4, stride: 2 * stride };
}

/** Two readers work side by side in one arena: what encoding would use is free here. */
function divided(arena: Arena): [Arena, Arena] {
  const half = Math.floor(arena.rawBytes / 128) * 64;
  return [
    { ...arena, rawBytes: half },
    { ...arena, raw: arena.raw + half, rawBytes: arena.rawBytes - half, tile: arena.spare, clean: arena.importance },
  ];
}

/** One tensor, from a row on, in the order of the matrix, whatever the file's order is. */
class Side {
  readonly reader: TileReader;
  readonly #transposed: boolean;
  #end = 0;
  /** Outputs of a transposed tensor that are in the arena. */
  #first = 0;
  #held = 0;
  #column = -1;

  constructor(readonly context: PassContext, readonly tensor: TensorSource, readonly firstRow: number) {
    this.#transposed = tensor.storage.transposed === true;
    this.reader = this.#named(() => tileReader(context, tensor));
  }

  /** The next loads come from here. */
  window(row: number, rows: number, column: number, columns: number): void {
    const first = this.firstRow + row;
    this.#end = first + rows;
    this.#held = 0;
    this.#column = column;
    if (!this.#transposed) this.reader.window(first, rows, column, columns);
  }

  /** Good until this side's next load. */
  load(row: number, rows: number, column: number, columns: number): Rows {
    const first = this.firstRow + row;
    return this.#named(() => (this.#transposed ? this.#turned(first, rows, column, columns)
      : { address: this.reader.load(first, rows, column, columns), stride: columns }));
  }

  #turned(row: number, rows: number, column: number, columns: number): Rows {
    const { arena, kernels } = this.context;
    if (this.#column !== column || row < this.#first || row + rows > this.#first + this.#held) {
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
      const fromA = a.address / 4 + r * a.stride;
      const fromB = b.address / 4 + r * b.stride;
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
