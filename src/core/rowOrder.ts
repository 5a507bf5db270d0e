import { EngineError } from "./errors";

/**
 * Which rows of a tensor are another one's rows, in the other's order: pieces one below the other. A piece's rows are counted like
 * a number's digits, the last one fastest; each digit adds its value times its stride to `first`. Plain data.
 */
export type RowOrder = readonly RowPiece[];

export interface RowPiece {
  readonly first: number;
  readonly digits: readonly RowDigit[];
}

/** So many values (at least 1), so many rows from one to the next. */
export type RowDigit = readonly [count: number, stride: number];

/** Rows of the tensor that follow each other in the other's order: `rows` of them from `row` on, `stride` apart. */
export interface RowRun {
  readonly row: number;
  readonly stride: number;
  readonly rows: number;
}

/** The tensor's row that is row `row` of the other, and how many follow it evenly. `row` lies within the order. */
export function runAt(order: RowOrder, row: number): RowRun {
  let rest = row;
  for (const piece of order) {
    const count = rowsOfPiece(piece);
    if (rest < count) return runIn(piece, rest);
    rest -= count;
  }
  throw new RangeError(`Row ${row} lies beyond the order's ${rowCount(order)}.`);
}

export const rowAt = (order: RowOrder, row: number): number => runAt(order, row).row;

/** How many rows of the tensor the order names. */
export const rowCount = (order: RowOrder): number => order.reduce((sum, piece) => sum + rowsOfPiece(piece), 0);

/** The last of the tensor's rows that the order names. */
export const lastRow = (order: RowOrder): number =>
  Math.max(...order.map(({ first, digits }) => digits.reduce((row, [count, stride]) => row + (count - 1) * stride, first)));

const rowsOfPiece = ({ digits }: RowPiece): number => digits.reduce((product, [count]) => product * count, 1);

function runIn({ first, digits }: RowPiece, index: number): RowRun {
  let row = first;
  let rest = index;
  for (let k = digits.length - 1; k >= 0; k--) {
    const [count, stride] = digits[k];
    row += (rest % count) * stride;
    rest = Math.floor(rest / count);
  }
  const [count, stride] = digits[digits.length - 1];
  return { row, stride, rows: count - (index % count) };
}

/**
 * Rows of rotated heads whose halves (Hugging Face's rotate_half) were made neighbouring pairs (LlamaModel.permute of llama.cpp's
 * converter): row h·d + s·d/2 + j is at h·d + 2j + s, with d = rows / heads. "malformed" where that is not even.
 */
export function ropeOrder(rows: number, heads: number): RowOrder {
  const d = rows / heads;
  if (!Number.isInteger(d) || d % 2) throw new EngineError("malformed", `${rows} rows cannot be split into ${heads} heads of even size.`);
  return [{ first: 0, digits: [[heads, d], [2, 1], [d / 2, 2]] }];
}

/** Rows of a tensor that holds others as well: `rows` of them from `first` on, or as many of each `every` rows, `times` times. */
export interface RowPart {
  readonly first: number;
  readonly rows: number;
  readonly every?: { readonly rows: number; readonly times: number };
}

export const partOrder = ({ first, rows, every }: RowPart): RowOrder =>
  [{ first, digits: every ? [[every.times, every.rows], [rows, 1]] : [[rows, 1]] }];

/**
 * q, k and v of a matrix whose rows alternate by group: the query heads that share a key head, then that key head, then its value
 * head. `rows` is a multiple of heads + 2 · groups, and heads of groups.
 */
export function alternatingParts(rows: number, { heads, groups }: HeadCounts): readonly [q: RowPart, k: RowPart, v: RowPart] {
  const d = rows / (heads + 2 * groups);
  const queries = (heads / groups) * d;
  const every = groups > 1 ? { every: { rows: queries + 2 * d, times: groups } } : undefined;
  return [{ first: 0, rows: queries, ...every }, { first: queries, rows: d, ...every }, { first: queries + d, rows: d, ...every }];
}

export interface HeadCounts {
  readonly heads: number;
  /** Key heads: as many as heads, fewer (grouped queries), or 1. */
  readonly groups: number;
}
