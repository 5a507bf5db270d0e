import { EngineError } from "../../core/errors";
import type { AffineLayout, ScalarType } from "../../core/model";

/** A part of the logical matrix [out][in]. */
export interface Region {
  readonly row: number;
  readonly rows: number;
  readonly column: number;
  readonly columns: number;
}

/** `runs` pieces of `byteLength` bytes of a plane, `stride` apart, to be laid one after another in memory. */
export interface PlaneRead {
  readonly offset: number;
  readonly byteLength: number;
  readonly runs: number;
  readonly stride: number;
}

/** Neighbouring groups, or neighbouring rows. */
export interface Span {
  readonly first: number;
  readonly count: number;
}

/** Elements of a scale or zero plane that a region needs, and where element (row group, column group) lands after reading. */
export interface GroupRead {
  readonly read: PlaneRead;
  /** Elements of one run, and of the plane before the first. */
  readonly runElements: number;
  readonly first: number;
  readonly outer: "row" | "column" | "none";
}

/**
 * What a region of an affine tensor needs of each plane. `reads` follow the planes without the group index: codes, scales and,
 * where there are, zeros. A window may be larger than what is decoded from it at once.
 */
export interface AffineWindow {
  readonly layout: AffineLayout;
  readonly region: Region;
  readonly reads: readonly PlaneRead[];
  /** Column group of each column of the region, for an activation order; undefined when columns follow one another. */
  readonly index?: Int32Array;
  readonly rowGroups: Span;
  readonly columnGroups: Span;
  readonly scales: GroupRead;
  readonly zeros?: GroupRead;
}

/** Which planes, in order, an affine tensor of this layout has. */
export function affinePlanes(layout: AffineLayout, count: number): ("codes" | "scales" | "zeros" | "groupIndex")[] {
  const planes: ("codes" | "scales" | "zeros" | "groupIndex")[] = ["codes", "scales"];
  if (layout.zeros) planes.push("zeros");
  if (count > planes.length) planes.push("groupIndex");
  return planes;
}

/**
 * Plans the reading of a region. `planeBytes`: lengths of the planes in the file, so that nothing outside is ever asked for
 * ("malformed" when the layout does not fit into them). `groupIndex`: the whole index plane, little-endian i32 per column,
 * where the tensor has one.
 */
export function affineWindow(
  layout: AffineLayout, region: Region, planeBytes: readonly number[], groupIndex?: Uint8Array,
): AffineWindow {
  const { row, rows, column, columns } = region;
  checkLayout(layout);
  const index = groupIndex && indexOf(groupIndex, column, columns);
  const rowGroups = span(layout.rowsPerScale, row, rows);
  const columnGroups = index ? extent(index) : span(layout.columnsPerScale, column, columns);
  const scaleBytes = byteWidth(layout.scaleType);
  const plane = { bits: 8 * scaleBytes, rowElements: Infinity, rowBytes: 0, unit: 1 };
  const scales = groupRead(rowGroups, columnGroups, layout.scaleRowStride, layout.scaleColumnStride, plane);
  const zeros = layout.zeros && zeroRead(layout.zeros, region, rowGroups, columnGroups);
  const reads = [codeRead(layout, region), scales.read];
  if (zeros) reads.push(zeros.read);
  reads.forEach((read, i) => {
    const end = read.offset + (read.runs - 1) * read.stride + read.byteLength;
    if (read.offset >= 0 && Number.isSafeInteger(end) && end <= planeBytes[i]) return;
    const name = affinePlanes(layout, 3)[i];
    throw new EngineError("malformed", `The ${name} of this tensor have ${planeBytes[i] ?? 0} bytes; its shape needs ${end}.`);
  });
  return { layout, region, reads, index, rowGroups, columnGroups, scales, zeros };
}

/** The combinations that exist; readers never make others. */
function checkLayout({ bits, codeOrder, packing, codeType }: AffineLayout): void {
  const words = codeOrder === "in-packed-out" && (bits > 8 || packing !== "lsb" || codeType !== undefined);
  const awq = packing === "awq" && (bits !== 4 || codeOrder !== "in-out" || codeType !== undefined);
  if (!words && !awq) return;
  throw new EngineError("unsupported", `Codes of ${bits} bits packed "${packing}" in the order ${codeOrder} cannot be read.`);
}

function indexOf(plane: Uint8Array, column: number, columns: number): Int32Array {
  if (plane.length < 4 * (column + columns)) {
    throw new EngineError("malformed", `The group index has ${plane.length} bytes; ${column + columns} columns need four each.`);
  }
  const data = new DataView(plane.buffer, plane.byteOffset + 4 * column, 4 * columns);
  const index = Int32Array.from({ length: columns }, (_, i) => data.getInt32(4 * i, true));
  const bad = index.findIndex((group) => group < 0);
  if (bad >= 0) throw new EngineError("malformed", `The group index of column ${column + bad} is ${index[bad]}.`);
  return index;
}

function extent(index: Int32Array): Span {
  let low = index[0];
  let high = index[0];
  for (const group of index) {
    if (group < low) low = group;
    if (group > high) high = group;
  }
  return { first: low, count: high - low + 1 };
}

/** Groups of `size` (0: one group) that `count` rows or columns from `start` on touch. */
export function span(size: number, start: number, count: number): Span {
  if (!size) return { first: 0, count: 1 };
  const first = Math.floor(start / size);
  return { first, count: Math.floor((start + count - 1) / size) - first + 1 };
}

/** Bytes of a scalar that can be a scale. */
export function byteWidth(type: ScalarType): number {
  if (type === "f64" || type === "i64" || type === "u64") return 8;
  if (type === "f32" || type === "i32" || type === "u32") return 4;
  if (type === "f16" || type === "bf16" || type === "i16" || type === "u16") return 2;
  return 1;
}

function codeRead(layout: AffineLayout, { row, rows, column, columns }: Region): PlaneRead {
  const { bits, codeRowBytes, codeOrder, packing } = layout;
  if (codeOrder === "in-packed-out") {
    const first = Math.floor((column * bits) / 32);
    const end = Math.ceil(((column + columns) * bits) / 32);
    return joined({ offset: first * codeRowBytes + 4 * row, byteLength: 4 * rows, runs: end - first, stride: codeRowBytes });
  }
  const [outer, outerCount, inner, innerCount] =
    codeOrder === "out-in" ? [row, rows, column, columns] : [column, columns, row, rows];
  const unit = packing === "awq" ? 32 : 8; // bits that are read together
  if (!Number.isInteger(codeRowBytes)) {
    // Rows begin within a byte: one run from the first to the last.
    const first = Math.floor((outer * codeRowBytes * 8 + inner * bits) / 8);
    const end = Math.ceil(((outer + outerCount - 1) * codeRowBytes * 8 + (inner + innerCount) * bits) / 8);
    return { offset: first, byteLength: end - first, runs: 1, stride: end - first };
  }
  const first = (Math.floor((inner * bits) / unit) * unit) / 8;
  const end = (Math.ceil(((inner + innerCount) * bits) / unit) * unit) / 8;
  return joined({ offset: outer * codeRowBytes + first, byteLength: end - first, runs: outerCount, stride: codeRowBytes });
}

/** Runs without gaps are one. */
function joined(read: PlaneRead): PlaneRead {
  if (read.runs > 1 && read.stride !== read.byteLength) return read;
  const byteLength = read.byteLength * read.runs;
  return { offset: read.offset, byteLength, runs: 1, stride: byteLength };
}

interface Packing {
  readonly bits: number;
  readonly rowElements: number;
  readonly rowBytes: number;
  /** Elements that are read together (AWQ's words of eight). */
  readonly unit: number;
}

function groupRead(rowGroups: Span, columnGroups: Span, rowStride: number, columnStride: number, packing: Packing): GroupRead {
  const { bits, rowElements, rowBytes, unit } = packing;
  const first = rowGroups.first * rowStride + columnGroups.first * columnStride;
  const rowSpan = (rowGroups.count - 1) * rowStride;
  const columnSpan = (columnGroups.count - 1) * columnStride;
  const begin = (element: number) => {
    const packed = rowElements === Infinity ? 0 : Math.floor(element / rowElements);
    const within = element - (packed ? packed * rowElements : 0);
    return packed * rowBytes + Math.floor((Math.floor(within / unit) * unit * bits) / 8);
  };
  const end = (element: number) => {
    const packed = rowElements === Infinity ? 0 : Math.floor(element / rowElements);
    const within = element - (packed ? packed * rowElements : 0);
    return packed * rowBytes + Math.ceil(((Math.floor(within / unit) + 1) * unit * bits) / 8);
  };
  const make = (outer: "row" | "column" | "none", runs: number, stride: number, runSpan: number): GroupRead => {
    const offset = begin(first);
    const byteLength = end(first + runSpan) - offset;
    const byteStride = runs > 1 ? begin(first + stride) - offset : byteLength;
    return { read: { offset, byteLength, runs, stride: byteStride }, runElements: runSpan + 1, first, outer };
  };
  // Runs must all begin at the same place within their bytes.
  const even = (stride: number) =>
    stride % rowElements === 0 ||
    (first + rowSpan + columnSpan < rowElements && stride % unit === 0 && (stride * bits) % 8 === 0);
  if (columnGroups.count > 1 && columnStride > 2 * (rowSpan + 1) && even(columnStride)) {
    return make("column", columnGroups.count, columnStride, rowSpan);
  }
  if (rowGroups.count > 1 && rowStride > 2 * (columnSpan + 1) && even(rowStride)) {
    return make("row", rowGroups.count, rowStride, columnSpan);
  }
  return make("none", 1, 0, rowSpan + columnSpan);
}

function zeroRead(zeros: NonNullable<AffineLayout["zeros"]>, region: Region, rowGroups: Span, columnGroups: Span): GroupRead {
  if (zeros.rowsPerWord) {
    // Words of `rowsPerWord` rows: words are the elements, row blocks the rows.
    const blocks = span(zeros.rowsPerWord, region.row, region.rows);
    const words = { bits: 32, rowElements: Infinity, rowBytes: 0, unit: 1 };
    return groupRead(blocks, columnGroups, zeros.packedRowBytes / 4, 1, words);
  }
  return groupRead(rowGroups, columnGroups, zeros.rowStride, zeros.columnStride, {
    bits: zeros.bits,
    rowElements: zeros.packedRowElements,
    rowBytes: zeros.packedRowBytes,
    unit: zeros.packing === "awq" ? 8 : 1,
  });
}

/** Lays the runs of a read one after another, out of a whole plane in memory. */
export function gather(plane: Uint8Array, { offset, byteLength, runs, stride }: PlaneRead): Uint8Array {
  if (runs === 1) return plane.subarray(offset, offset + byteLength);
  const bytes = new Uint8Array(byteLength * runs);
  for (let i = 0; i < runs; i++) {
    const at = offset + i * stride;
    bytes.set(plane.subarray(at, at + byteLength), i * byteLength);
  }
  return bytes;
}
