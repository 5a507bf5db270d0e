import type { ChannelSums } from "../metrics";
import {
  type Band,
  type FirstPartial,
  HEAT_COLUMNS,
  HEAT_ROWS,
  heatBorder,
  heatCell,
  heatCells,
  keepsColumns,
  keepsRows,
  LOG_BINS,
  mergeMoments,
  type Moments,
  momentsFromSums,
  noMoments,
} from "../metrics";
import { STRETCH } from "./passArena";
import { checkPass, COUNTER_LIMIT, INFINITE_BITS, type PassContext } from "./passContext";
import type { TileReader } from "./passReader";
import { type Tile, tileRows } from "./passTiles";
import type { TensorSource } from "./tasks";

/**
 * First reading of a band, in the order of the file: extremes, moments, logarithmic histogram, channel sums, heat strip. For a
 * transposed tensor rows and columns trade places at the end.
 */
export function firstReading(context: PassContext, reader: TileReader, tensor: TensorSource, band: Band): FirstPartial {
  const flipped = tensor.storage.transposed === true;
  const stored = flipped ? flip(band) : band;
  const tally = new FirstTally(context, reader, tensor, stored, flipped);
  const stretch = Math.min(STRETCH, stored.columns);
  for (let column = stored.column; column < stored.column + stored.columns; column += stretch) {
    const columns = Math.min(stretch, stored.column + stored.columns - column);
    reader.window(stored.row, stored.rows, column, columns);
    tally.beginStretch(columns);
    const perTile = tileRows(columns);
    let row = stored.row;
    while (row < stored.row + stored.rows) {
      const end = Math.min(tally.groupEnd(row), stored.row + stored.rows);
      const group = row;
      for (; row < end; row += perTile) {
        checkPass(context.io);
        const rows = Math.min(perTile, end - row);
        tally.add({ x: reader.load(row, rows, column, columns), row, rows, column, columns });
        context.io.progress((rows * columns * reader.bytesPerElement) / 2);
      }
      row = end;
      tally.endGroup(group, column, columns);
    }
    tally.endStretch(column, columns);
  }
  return tally.result(band);
}

function flip(band: Band): Band {
  return { row: band.column, rows: band.columns, column: band.row, columns: band.rows };
}

const channelSums = (length: number) => ({
  absMax: new Float32Array(length),
  squares: new Float64Array(length),
  left: undefined as Float64Array | undefined,
});

class FirstTally {
  nanCount = 0;
  infCount = 0;
  zeroCount = 0;
  min = Infinity;
  max = -Infinity;
  moments: Moments = noMoments;
  sumOfSquares = 0;
  readonly logCounts = new Float64Array(LOG_BINS);
  readonly rowSums: ReturnType<typeof channelSums> | undefined;
  readonly columnSums: ReturnType<typeof channelSums> | undefined;
  /** Of the stored matrix. */
  readonly heatRows: number;
  readonly heatColumns: number;
  #counted = 0;

  constructor(
    readonly context: PassContext,
    readonly reader: TileReader,
    readonly tensor: TensorSource,
    readonly stored: Band,
    readonly flipped: boolean,
  ) {
    const { u8, arena } = context;
    const [rows, columns] = flipped ? [keepsColumns(tensor), keepsRows(tensor)] : [keepsRows(tensor), keepsColumns(tensor)];
    if (rows) this.rowSums = channelSums(stored.rows);
    if (columns) this.columnSums = channelSums(stored.columns);
    const limits = flipped ? [HEAT_COLUMNS, HEAT_ROWS] : [HEAT_ROWS, HEAT_COLUMNS];
    this.heatRows = tensor.hasChannels ? heatCells(reader.rows, limits[0]) : 1;
    this.heatColumns = tensor.hasChannels ? heatCells(reader.columns, limits[1]) : 0;
    u8.fill(0, arena.logCounts, arena.logCounts + LOG_BINS * 16);
    u8.fill(0, arena.heat, arena.heat + this.heatRows * this.heatColumns * 4);
  }

  beginStretch(columns: number): void {
    const { u8, arena } = this.context;
    u8.fill(0, arena.columnBits, arena.columnBits + columns * 4);
    u8.fill(0, arena.totalBits, arena.totalBits + columns * 4);
    u8.fill(0, arena.columnSquares, arena.columnSquares + columns * 8);
  }

  /** End of the rows that share a heat row with `row`. */
  groupEnd(row: number): number {
    return heatBorder(heatCell(row, this.heatRows, this.reader.rows) + 1, this.heatRows, this.reader.rows);
  }

  endGroup(row: number, column: number, columns: number): void {
    const { kernels, arena } = this.context;
    const cell = heatCell(row, this.heatRows, this.reader.rows);
    const heat = arena.heat + cell * this.heatColumns * 4;
    kernels.pool(arena.columnBits, arena.totalBits, columns, column, this.reader.columns, heat, this.heatColumns);
  }

  endStretch(column: number, columns: number): void {
    const { f32, f64, arena } = this.context;
    const { columnSums } = this;
    if (!columnSums) return;
    const at = column - this.stored.column;
    columnSums.absMax.set(f32.subarray(arena.totalBits / 4, arena.totalBits / 4 + columns), at);
    columnSums.squares.set(f64.subarray(arena.columnSquares / 8, arena.columnSquares / 8 + columns), at);
  }

  add(tile: Tile): void {
    const { kernels, arena, u32, f32, f64 } = this.context;
    const count = tile.rows * tile.columns;
    const out = arena.out / 4;
    let { x } = tile;
    let left = 0;
    kernels.scan(x, count, arena.out);
    if (u32[out + 3] >= INFINITE_BITS) {
      kernels.scrub(x, count, arena.clean, 0, arena.out);
      x = arena.clean;
      left = u32[out + 4] + u32[out + 5];
      this.nanCount += u32[out + 4];
      this.infCount += u32[out + 5];
      this.#leaveOut(tile);
    }
    const finite = count - left;
    const low = f32[out];
    const high = f32[out + 1];
    this.zeroCount += u32[out + 2];
    if (this.#counted + count > COUNTER_LIMIT) this.#drainLog();
    this.#counted += count;
    kernels.accumulate(
      x,
      tile.rows,
      tile.columns,
      arena.rowBits,
      arena.rowSquares,
      arena.columnBits,
      arena.columnSquares,
      arena.logCounts,
      arena.sums,
    );
    this.logCounts[0] -= left; // they were counted as zeros
    const s = arena.sums / 8;
    this.sumOfSquares += f64[s + 1];
    this.#addRows(tile);
    if (finite === 0) return;
    this.min = Math.min(this.min, low);
    this.max = Math.max(this.max, high);
    const pivot = pivotOf(low, high);
    if (pivot !== 0) {
      if (left) kernels.scrub(tile.x, count, arena.clean, pivot, arena.out);
      kernels.centred(x, count, pivot, arena.sums);
    }
    this.moments = mergeMoments(this.moments, momentsFromSums(finite, pivot, f64[s], f64[s + 1], f64[s + 2], f64[s + 3]));
  }

  #addRows(tile: Tile): void {
    const { f32, f64, arena } = this.context;
    const { rowSums } = this;
    if (!rowSums) return;
    const at = tile.row - this.stored.row;
    for (let r = 0; r < tile.rows; r++) {
      const largest = f32[arena.rowBits / 4 + r];
      if (largest > rowSums.absMax[at + r]) rowSums.absMax[at + r] = largest;
      rowSums.squares[at + r] += f64[arena.rowSquares / 8 + r];
    }
  }

  /** Notes for every row and column how many of its elements do not count. */
  #leaveOut(tile: Tile): void {
    const { rowSums, columnSums, stored } = this;
    const { f32 } = this.context;
    if (rowSums) rowSums.left ??= new Float64Array(stored.rows);
    if (columnSums) columnSums.left ??= new Float64Array(stored.columns);
    let i = tile.x / 4;
    for (let r = tile.row - stored.row; r < tile.row - stored.row + tile.rows; r++) {
      for (let c = tile.column - stored.column; c < tile.column - stored.column + tile.columns; c++, i++) {
        if (f32[i] - f32[i] === 0) continue;
        if (rowSums) rowSums.left![r]++;
        if (columnSums) columnSums.left![c]++;
      }
    }
  }

  #drainLog(): void {
    const { u32, arena } = this.context;
    const from = arena.logCounts / 4;
    for (let b = 0; b < LOG_BINS; b++) {
      for (let k = 0; k < 4; k++) this.logCounts[b] += u32[from + 4 * b + k];
    }
    u32.fill(0, from, from + 4 * LOG_BINS);
    this.#counted = 0;
  }

  result(band: Band): FirstPartial {
    this.#drainLog();
    const { nanCount, infCount, zeroCount, min, max, moments, sumOfSquares, logCounts, flipped } = this;
    const [rowSums, columnSums]: (ChannelSums | undefined)[] = flipped
      ? [this.columnSums, this.rowSums]
      : [this.rowSums, this.columnSums];
    return {
      band,
      nanCount,
      infCount,
      zeroCount,
      min,
      max,
      moments,
      sumOfSquares,
      logCounts,
      rowSums,
      columnSums,
      heat: this.#heat(),
    };
  }

  #heat(): Float32Array | undefined {
    if (!this.tensor.hasChannels) return undefined;
    const { f32, arena } = this.context;
    const { heatRows, heatColumns } = this;
    const cells = f32.slice(arena.heat / 4, arena.heat / 4 + heatRows * heatColumns);
    if (!this.flipped) return cells;
    const turned = new Float32Array(cells.length);
    for (let r = 0; r < heatRows; r++)
      for (let c = 0; c < heatColumns; c++) turned[c * heatRows + r] = cells[r * heatColumns + c];
    return turned;
  }
}

/**
 * What to subtract before taking powers. 0 unless all values lie on one side and closer together than to 0; otherwise a tile's
 * deviation is at least a fixed share of its mean, and plain f64 sums keep ten digits of the moments.
 */
function pivotOf(low: number, high: number): number {
  const largest = Math.max(Math.abs(low), Math.abs(high));
  if ((low <= 0 && high >= 0) || high - low >= largest / 2) return 0;
  return low === high ? low : Math.fround((low + high) / 2);
}
