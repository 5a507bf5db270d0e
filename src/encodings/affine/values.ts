import { EngineError } from "../../core/errors";
import type { AffineLayout, ScalarType } from "../../core/model";
import { f16Table } from "../half";
import { floats } from "../scalars/floats";
import { smallFloats, smallFloatValues } from "../scalars/smallFloats";
import type { AffineWindow, GroupRead, Span } from "./window";

/** Bit of column i of eight in AWQ's words: they hold the columns in the order 0 2 4 6 1 3 5 7. */
export const awqBits = [0, 16, 4, 20, 8, 24, 12, 28];

/** `bits` (1..32) bits from bit `bit` on, least significant first, as an unsigned number. */
export function bitField(bytes: Uint8Array, bit: number, bits: number): number {
  const at = Math.floor(bit / 8);
  const shift = bit - 8 * at;
  let field = bytes[at];
  let held = 8;
  for (let k = 1; held < shift + bits; k++, held += 8) field += bytes[at + k] * 2 ** held;
  return Math.floor(field / 2 ** shift) % 2 ** bits;
}

/** What a stored code stands for before zero point and scale. Codes up to 8 bits as a table, wider ones as a function. */
export function codeValues({ codeType, bits, signed, storedOffset }: AffineLayout): Float32Array | ((code: number) => number) {
  if (codeType) {
    const format = smallFloats[codeType as keyof typeof smallFloats];
    if (!format || format.bits !== bits) throw new EngineError("unsupported", `Codes of type ${codeType} cannot be read.`);
    return smallFloatValues(format);
  }
  if (!(bits >= 1 && bits <= 8) && bits !== 16 && bits !== 32) {
    throw new EngineError("unsupported", `Codes of ${bits} bits cannot be read.`);
  }
  const half = 2 ** (bits - 1);
  const value = (code: number) => (signed && code >= half ? code - 2 * half : code) - storedOffset;
  return bits <= 8 ? Float32Array.from({ length: 2 * half }, (_, code) => value(code)) : value;
}

/** The groups of which values are wanted, within a window. */
export interface Part {
  readonly window: AffineWindow;
  readonly rowGroups: Span;
  readonly columnGroups: Span;
  /** The rows themselves, for zero points that are stored by row. */
  readonly rows: Span;
}

/** Scales times the tensor's own scale: [row group][column group]. */
export function scaleValues(part: Part, bytes: Uint8Array): Float32Array {
  const { layout, scales } = part.window;
  const { read, width } = scalarReader(layout.scaleType, bytes);
  const strides = [layout.scaleRowStride, layout.scaleColumnStride] as const;
  const values = groupValues(part, scales, strides, (element, base) => read(element * width - base));
  const global = layout.globalScale;
  return global === undefined ? values : values.map((scale) => scale * global);
}

/** Zero points: [row group][column group], or [row][column group] where words hold several rows. */
export function zeroValues(part: Part, bytes: Uint8Array): Float32Array {
  const zeros = part.window.layout.zeros!;
  const group = part.window.zeros!;
  const half = 2 ** (zeros.bits - 1);
  const value = (stored: number) => (zeros.signed && stored >= half ? stored - 2 * half : stored) + zeros.storedOffset;
  if (zeros.rowsPerWord) return wordZeros(part, bytes, value);
  const { packedRowElements, packedRowBytes, bits } = zeros;
  const strides = [zeros.rowStride, zeros.columnStride] as const;
  if (zeros.float) {
    const { read, width } = scalarReader(zeros.float, bytes);
    return groupValues(part, group, strides, (element, base) => {
      const packed = Math.floor(element / packedRowElements);
      return read(packed * packedRowBytes + (element - packed * packedRowElements) * width - base);
    });
  }
  return groupValues(part, group, strides, (element, base) => {
    const packed = Math.floor(element / packedRowElements);
    const within = element - packed * packedRowElements;
    const bit = zeros.packing === "awq" ? Math.floor(within / 8) * 32 + awqBits[within % 8] : within * bits;
    return value(bitField(bytes, 8 * (packed * packedRowBytes - base) + bit, bits));
  });
}

/** compressed-tensors: the zero point of row r and column group h is a field of word [r div rowsPerWord][h]. */
function wordZeros({ window, rows, columnGroups }: Part, bytes: Uint8Array, value: (stored: number) => number): Float32Array {
  const { bits, packedRowBytes, rowsPerWord } = window.layout.zeros!;
  const { read, outer } = window.zeros!;
  const firstBlock = Math.floor(window.region.row / rowsPerWord!);
  const values = new Float32Array(rows.count * columnGroups.count);
  for (let i = 0; i < rows.count; i++) {
    const row = rows.first + i;
    const block = Math.floor(row / rowsPerWord!);
    for (let k = 0; k < columnGroups.count; k++) {
      const h = columnGroups.first + k;
      const base = runBase(read, outer === "row" ? block - firstBlock : outer === "column" ? h - window.columnGroups.first : 0);
      const bit = 8 * (block * packedRowBytes + 4 * h - base) + bits * (row % rowsPerWord!);
      values[i * columnGroups.count + k] = value(bitField(bytes, bit, bits));
    }
  }
  return values;
}

/** What to take from a byte offset in the plane to find it among the bytes read. */
const runBase = (read: GroupRead["read"], run: number) => read.offset + run * (read.stride - read.byteLength);

function groupValues(
  { window, rowGroups, columnGroups }: Part, { read, outer }: GroupRead, [rowStride, columnStride]: readonly [number, number],
  value: (element: number, base: number) => number,
): Float32Array {
  const values = new Float32Array(rowGroups.count * columnGroups.count);
  for (let i = 0; i < rowGroups.count; i++) {
    for (let k = 0; k < columnGroups.count; k++) {
      const g = rowGroups.first + i;
      const h = columnGroups.first + k;
      const run = outer === "row" ? g - window.rowGroups.first : outer === "column" ? h - window.columnGroups.first : 0;
      values[i * columnGroups.count + k] = value(g * rowStride + h * columnStride, runBase(read, run));
    }
  }
  return values;
}

/** Reads one scalar at a byte offset. */
function scalarReader(type: ScalarType, bytes: Uint8Array): { read: (at: number) => number; width: number } {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (type === "f32") return { read: (at) => data.getFloat32(at, true), width: 4 };
  if (type === "f64") return { read: (at) => data.getFloat64(at, true), width: 8 };
  const halves = f16Table();
  if (type === "f16") return { read: (at) => halves[data.getUint16(at, true)], width: 2 };
  const bits = new Uint32Array(1);
  const real = new Float32Array(bits.buffer);
  if (type === "bf16") return { read: (at) => ((bits[0] = data.getUint16(at, true) << 16), real[0]), width: 2 };
  const member = type.startsWith("f8_") ? floats.find((f) => f.name === type) : undefined;
  if (!member) throw new EngineError("unsupported", `Scales of type ${type} cannot be read.`);
  const table = new Float32Array(256);
  member.decode([Uint8Array.from({ length: 256 }, (_, i) => i)], 1, 256, table);
  return { read: (at) => table[data.getUint8(at)], width: 1 };
}
