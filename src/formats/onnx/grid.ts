import type { AffineLayout, ByteRange, ScalarType } from "../../core/model";
import type { DataType } from "./types";

/** How one dimension of the codes finds its scale: `block` neighbours share one (0: all do), groups are `stride` scales apart. */
export interface ScaleAxis {
  readonly block: number;
  readonly stride: number;
}

export const shared: ScaleAxis = { block: 0, stride: 0 };

export interface Grid {
  /** Dimensions of the codes in the file's order. */
  readonly dims: readonly number[];
  /** The logical matrix has the dimensions exchanged. Two dimensions only. */
  readonly transposed: boolean;
  /** More than two dimensions are seen as [out][in·kernel]; else as [all but the last][last]. */
  readonly convolution: boolean;
  /** One per dimension. */
  readonly axes: readonly ScaleAxis[];
  readonly codes: { readonly type: DataType; readonly range: ByteRange };
  readonly scales: { readonly type: ScalarType; readonly range: ByteRange };
  /** A plane of zero points, laid out like the scales; else one number for all. */
  readonly zeros: { readonly type: DataType; readonly range: ByteRange; readonly count: number } | number;
  readonly globalScale?: number;
}

const product = (values: readonly number[]) => values.reduce((a, b) => a * b, 1);

/** A group index is kept in memory; matrices with longer rows that need one are not shown. */
const mostIndexed = 1 << 20;

/**
 * The grid as an AffineLayout with its planes, or undefined where the layout cannot say it (scales along an inner dimension
 * of a tensor with very many columns).
 */
export function affineGrid(grid: Grid): { layout: AffineLayout; planes: ByteRange[] } | undefined {
  const { dims, axes, codes, scales, zeros } = grid;
  const sized = dims.map((size, d) => ({ size, ...axes[d] }));
  if (grid.transposed) sized.reverse();
  const cut = dims.length < 2 ? 0 : grid.convolution ? 1 : dims.length - 1;
  const rows = merged(sized.slice(0, cut));
  const columns = columnGroups(sized.slice(cut));
  if (!rows || !columns) return undefined;
  const storedRow = grid.transposed ? dims[1] : product(dims.slice(cut));
  const planes = [codes.range, scales.range];
  if (typeof zeros === "object") planes.push(zeros.range);
  if (columns.index) planes.push({ inline: columns.index });
  return {
    planes,
    layout: {
      bits: codes.type.bits,
      signed: codes.type.signed,
      storedOffset: 0,
      packing: "lsb",
      codeOrder: grid.transposed ? "in-out" : "out-in",
      codeRowBytes: (storedRow * codes.type.bits) / 8, // rows of sub-byte codes follow each other within a byte
      rows: dims.length > 2 ? product(dims.slice(0, cut)) : undefined,
      rowsPerScale: rows.perScale,
      columnsPerScale: columns.perScale,
      scaleType: scales.type,
      scaleRowStride: rows.stride,
      scaleColumnStride: columns.stride,
      zeroPoint: typeof zeros === "number" ? zeros : 0,
      zeros:
        typeof zeros === "number"
          ? undefined
          : {
              bits: zeros.type.bits,
              signed: zeros.type.signed,
              storedOffset: 0,
              float: zeros.type.kind === "float" ? zeros.type.scalar : undefined,
              packing: "lsb",
              rowStride: rows.stride,
              columnStride: columns.stride,
              packedRowElements: zeros.count,
              packedRowBytes: Math.ceil((zeros.count * zeros.type.bits) / 8),
            },
      globalScale: grid.globalScale,
      codeType: codes.type.kind === "float" ? codes.type.scalar : undefined,
    },
  };
}

type SizedAxis = ScaleAxis & { readonly size: number };
const isActive = (d: SizedAxis) => d.stride !== 0 && d.block > 0 && d.size > d.block;

/** Dimensions taken as one: neighbours in runs of `perScale` share a scale, runs stand `stride` apart. Undefined if not so. */
function merged(dims: readonly SizedAxis[]): { perScale: number; stride: number } | undefined {
  let inner = 1; // elements of the dimensions further in
  let found: { perScale: number; stride: number; end: number; even: boolean } | undefined;
  for (const d of [...dims].reverse()) {
    if (isActive(d)) {
      if (!found) {
        const groups = Math.ceil(d.size / d.block);
        found = { perScale: d.block * inner, stride: d.stride, end: groups * d.stride, even: d.size % d.block === 0 };
      } else {
        if (d.block !== 1 || d.stride !== found.end || !found.even) return undefined;
        found.end *= d.size;
      }
    } else if (found && d.size > 1) return undefined;
    inner *= d.size;
  }
  return found ?? { perScale: 0, stride: 0 };
}

/** Which scale each column takes: runs of equal length or, where it is not so simple, column by column. */
function columnGroups(dims: readonly SizedAxis[]): { perScale: number; stride: number; index?: Uint8Array } | undefined {
  const simple = merged(dims);
  if (simple) return simple;
  const columns = product(dims.map((d) => d.size));
  if (columns > mostIndexed) return undefined;
  const index = new DataView(new ArrayBuffer(4 * columns));
  const at = dims.map(() => 0);
  for (let column = 0; column < columns; column++) {
    let group = 0;
    dims.forEach((d, i) => (group += isActive(d) ? Math.floor(at[i] / d.block) * d.stride : 0));
    index.setInt32(4 * column, group, true);
    for (let i = dims.length - 1; i >= 0 && ++at[i] === dims[i].size; i--) at[i] = 0;
  }
  return { perScale: 0, stride: 1, index: new Uint8Array(index.buffer) };
}
