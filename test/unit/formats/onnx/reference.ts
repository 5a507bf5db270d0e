import type { ModelFolder } from "../../../../src/core/bytes";
import type { AffineLayout, ByteRange, ModelIndex, ScalarType, TensorInfo } from "../../../../src/core/model";
import { encoding } from "../../../../src/encodings/index";

/** The values of a tensor in the logical order [out][in…], element by element: the slow way that needs no trust. */
export async function valuesOf(folder: ModelFolder, index: ModelIndex, tensor: TensorInfo): Promise<Float32Array> {
  const { storage, shape } = tensor;
  if (!storage) throw new Error(`${tensor.name} has no storage`);
  const planes = await Promise.all(storage.planes.map((range) => bytesOf(folder, index, range)));
  if (storage.affine) return affineValues(storage.affine, planes, shape);
  const stored = scalars(storage.encoding as ScalarType, planes[0], tensor.elementCount);
  if (!storage.transposed) return stored;
  const [rows, columns] = shape;
  return Float32Array.from(stored, (_, i) => stored[(i % columns) * rows + Math.floor(i / columns)]);
}

export async function bytesOf(folder: ModelFolder, index: ModelIndex, range: ByteRange): Promise<Uint8Array> {
  if ("inline" in range) return range.inline;
  const source = await folder.open(index.files[range.file]);
  try {
    return await source.read(range.offset, range.byteLength);
  } finally {
    await source.close();
  }
}

export function scalars(type: ScalarType, bytes: Uint8Array, count: number): Float32Array {
  const out = new Float32Array(count);
  encoding(type).decode([bytes], 1, count, out);
  return out;
}

/** One integer of `bits` bits that starts at bit `at`. */
function field(bytes: Uint8Array, at: number, bits: number, signed: boolean): number {
  let value = 0;
  for (let i = 0; i < bits; i++) value += ((bytes[Math.floor((at + i) / 8)] >> ((at + i) % 8)) & 1) * 2 ** i;
  return signed && value >= 2 ** (bits - 1) ? value - 2 ** bits : value;
}

/** AffineLayout as its comments define it, for the packings that ONNX uses. */
function affineValues(layout: AffineLayout, planes: Uint8Array[], shape: readonly number[]): Float32Array {
  const [codes, scales] = planes;
  const zeros = layout.zeros && planes[2];
  const groups = planes[layout.zeros ? 3 : 2];
  const product = (list: readonly number[]) => list.reduce((a, b) => a * b, 1);
  const rows = layout.rows ?? (shape.length < 2 ? 1 : shape[0]);
  const columns = product(shape) / rows;
  const scaleValues = scalars(layout.scaleType, scales, Math.floor((scales.length * 8) / bitsOf(layout.scaleType)));
  const out = new Float32Array(rows * columns);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const [line, place] = layout.codeOrder === "out-in" ? [r, c] : [c, r];
      const at = Math.round(line * layout.codeRowBytes * 8) + place * layout.bits;
      const code = layout.codeType
        ? scalars(layout.codeType, codes.subarray(Math.floor(at / 8)), 2)[(at % 8) / layout.bits]
        : field(codes, at, layout.bits, layout.signed) - layout.storedOffset;
      const rowGroup = layout.rowsPerScale ? Math.floor(r / layout.rowsPerScale) : 0;
      const columnGroup = groups
        ? field(groups, 32 * c, 32, true)
        : layout.columnsPerScale
          ? Math.floor(c / layout.columnsPerScale)
          : 0;
      let zero = layout.codeType ? 0 : layout.zeroPoint;
      const z = layout.zeros;
      if (z && zeros) {
        const e = rowGroup * z.rowStride + columnGroup * z.columnStride;
        const bit = Math.floor(e / z.packedRowElements) * z.packedRowBytes * 8 + (e % z.packedRowElements) * z.bits;
        zero = z.float ? scalars(z.float, zeros.subarray(bit / 8), 1)[0] : field(zeros, bit, z.bits, z.signed) + z.storedOffset;
      }
      const scale = scaleValues[rowGroup * layout.scaleRowStride + columnGroup * layout.scaleColumnStride];
      out[r * columns + c] = (code - zero) * scale * (layout.globalScale ?? 1);
    }
  }
  return out;
}

const bitsOf = (type: ScalarType) => Number(/\d+/.exec(type)![0]);
