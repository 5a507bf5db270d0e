import { isObject, own, ownNumber } from "../config";
import { dtypes } from "../dtypes";
import type { ScalarType } from "../../../core/model";
import {
  checkedSize,
  describeGroups,
  expectDtype,
  expectShape,
  Inconsistent,
  type GridSizes,
  type Layout,
  type LayoutInput,
  part,
  scaleGrid,
  scaleTypeOf,
} from "./layout";
import { checkFit, type PartsInput, type StoredPart } from "./parts";

/** Shapes of the tensors of a packed weight; `groups` along the row. */
const packedShapes = ({ rows, columns, bits, groups }: { rows: number; columns: number; bits: number; groups: number }) => ({
  weight_packed: [rows, Math.ceil((columns * bits) / 32)],
  weight_scale: [rows, groups],
  weight_shape: [2],
  weight_zero_point: [Math.ceil((rows * bits) / 32), groups],
  weight_g_idx: [columns],
});

/** Packed widths that fill a 32-bit word. Others run across words and are told apart by the shape alone. */
const packedWidths = [4, 8, 2, 1];

/**
 * compressed-tensors "pack-quantized": `weight_packed` int32 [out, ceil(in·bits/32)], unsigned codes q + 2^(bits−1) from the
 * lowest bits along in; `weight_scale` [out, groups]; `weight_shape`; `weight_zero_point` int32 packed along out;
 * `weight_g_idx` int32 [in].
 */
export const packed: Layout = {
  key: "weight_packed",
  companions: ["weight_scale", "weight_shape", "weight_zero_point", "weight_g_idx"],
  // NVFP4 and MXFP4 use the same name for bytes.
  matches: (parts) => parts.get("weight_packed")!.dtype === "I32" && parts.has("weight_scale"),
  describe(input) {
    const codes = part(input, "weight_packed", 2);
    const [rows, words] = codes.shape;
    const columns = columnsOf(input, rows, words);
    const fitting = packedWidths.filter((b) => packedShapes({ rows, columns, bits: b, groups: 1 }).weight_packed[1] === words);
    // A few columns fill one word in several widths.
    const configured = ownNumber(weightsScheme(input), "num_bits");
    const bits = fitting.find((b) => b === configured) ?? fitting[0];
    if (bits === undefined) throw new Inconsistent(`${words} words do not hold ${columns} codes of 1, 2, 4 or 8 bits`);
    const scales = part(input, "weight_scale");
    const grid = scaleGrid("weight_scale", scales, rows, columns, configuredGroups(input));
    const shapes = packedShapes({ rows, columns, bits, groups: grid.columnGroups });
    const zero = input.parts.get("weight_zero_point");
    if (zero) {
      expectDtype("weight_zero_point", zero, "I32");
      expectShape("weight_zero_point", zero, ...shapes.weight_zero_point);
    }
    const order = input.parts.get("weight_g_idx");
    if (order) {
      expectDtype("weight_g_idx", order, "I32");
      expectShape("weight_g_idx", order, ...shapes.weight_g_idx);
    }
    checkedSize(rows, columns);
    const { columnGroups, ...strides } = grid;
    const offset = 2 ** (bits - 1);
    return {
      shape: [rows, columns],
      label: `INT${bits} ${describeGroups(grid)}${zero ? " asym" : ""}`,
      planes: ["weight_packed", "weight_scale", ...(zero ? ["weight_zero_point"] : []), ...(order ? ["weight_g_idx"] : [])],
      affine: {
        bits,
        signed: false,
        storedOffset: offset,
        packing: "lsb",
        codeOrder: "out-in",
        codeRowBytes: words * 4,
        ...strides,
        scaleType: scaleTypeOf("weight_scale", scales),
        zeroPoint: 0,
        ...(zero && {
          zeros: {
            bits,
            signed: false,
            storedOffset: -offset,
            packing: "lsb",
            rowStride: 0,
            columnStride: 0,
            packedRowElements: 0,
            packedRowBytes: columnGroups * 4,
            rowsPerWord: 32 / bits,
          },
        }),
      },
    };
  },
  parts(input) {
    checkFit(input);
    const { rows, columns, scheme } = input;
    const { bits, group, asymmetric, scaleDtype } = scheme;
    const shapes = packedShapes({ rows, columns, bits, groups: group ? columns / group : 1 });
    const size = new Uint8Array(new BigInt64Array([BigInt(rows), BigInt(columns)]).buffer);
    const parts: StoredPart[] = [
      { name: "weight_packed", dtype: "I32", shape: shapes.weight_packed, content: { plane: 0, arrangement: "rows" } },
      { name: "weight_scale", dtype: scaleDtype, shape: shapes.weight_scale, content: { plane: 1, arrangement: "rows" } },
      { name: "weight_shape", dtype: "I64", shape: shapes.weight_shape, content: { bytes: size } },
    ];
    if (asymmetric) {
      const arrangement = bits === 4 ? "pack-4-bit-zeros-along-rows" : "pack-8-bit-zeros-along-rows";
      const shape = shapes.weight_zero_point;
      parts.push({ name: "weight_zero_point", dtype: "I32", shape, content: { plane: 2, arrangement } });
    }
    return parts;
  },
};

/** "int-quantized": `weight` int8 [out, in], `weight_scale` per tensor, row or group, `weight_zero_point` int8 alike. */
export const integerScaled: Layout = {
  key: "weight",
  companions: ["weight_scale", "weight_zero_point", "weight_g_idx"],
  matches: (parts) => parts.get("weight")!.dtype === "I8" && parts.has("weight_scale"),
  describe(input) {
    const { shape, scales, grid, affine } = bytePerWeight(input, "weight_scale");
    const zero = input.parts.get("weight_zero_point");
    if (zero) {
      expectDtype("weight_zero_point", zero, "I8");
      expectShape("weight_zero_point", zero, ...scales.shape);
    }
    return {
      shape,
      label: `INT8 ${describeGroups(grid)}${zero ? " asym" : ""}`,
      planes: ["weight", "weight_scale", ...(zero ? ["weight_zero_point"] : [])],
      affine: {
        ...affine,
        ...(zero && {
          zeros: {
            bits: 8,
            signed: true,
            storedOffset: 0,
            packing: "lsb",
            rowStride: grid.scaleRowStride,
            columnStride: grid.scaleColumnStride,
            packedRowElements: grid.columnGroups,
            packedRowBytes: grid.columnGroups,
          },
        }),
      },
    };
  },
  parts: (input) => scaledParts(input, "I8"),
};

/**
 * 8-bit floats with scales: compressed-tensors "float-quantized" and fbgemm (`weight_scale` per tensor, row or block), DeepSeek's
 * blocks (`weight_scale_inv`, which multiplies in spite of its name).
 */
export const floatBlocks: Layout = {
  key: "weight",
  companions: ["weight_scale", "weight_scale_inv", "weight_zero_point"],
  matches: (parts) =>
    parts.get("weight")!.dtype.startsWith("F8_") && (parts.has("weight_scale") || parts.has("weight_scale_inv")),
  describe(input) {
    const name = input.parts.has("weight_scale") ? "weight_scale" : "weight_scale_inv";
    const { shape, dtype, grid, affine } = bytePerWeight(input, name);
    return {
      shape,
      label: `${dtype} ${describeGroups(grid)}`,
      planes: ["weight", name],
      affine: { ...affine, codeType: dtypes.get(dtype)!.encoding as ScalarType },
    };
  },
  parts: (input) => scaledParts(input, "F8_E4M3"),
};

/** Signed codes of a byte each, under the scales of this name. */
function bytePerWeight(input: LayoutInput, name: string) {
  const { dtype, shape } = part(input, "weight", 2);
  const [rows, columns] = shape;
  const scales = part(input, name);
  const grid = scaleGrid(name, scales, rows, columns, configuredGroups(input));
  const { columnGroups: _, ...strides } = grid;
  const affine = {
    bits: 8,
    signed: true,
    storedOffset: 0,
    packing: "lsb",
    codeOrder: "out-in",
    codeRowBytes: columns,
    ...strides,
    scaleType: scaleTypeOf(name, scales),
    zeroPoint: 0,
  } as const;
  return { dtype, shape: [rows, columns] as const, scales, grid, affine };
}

/** A byte per weight and a scale per row. */
function scaledParts({ rows, columns, scheme }: PartsInput, dtype: string): StoredPart[] {
  return [
    { name: "weight", dtype, shape: [rows, columns], content: { plane: 0, arrangement: "rows" } },
    { name: "weight_scale", dtype: scheme.scaleDtype, shape: [rows, 1], content: { plane: 1, arrangement: "rows" } },
  ];
}

/** The weight's own statement first; without it, what the words hold when the configured width divides them. */
function columnsOf(input: LayoutInput, rows: number, words: number): number {
  if (input.shape) {
    const [statedRows, columns] = input.shape;
    if (statedRows !== rows) throw new Inconsistent(`weight_shape says ${statedRows} rows and weight_packed has ${rows}`);
    if (!(columns > 0 && columns <= words * 32))
      throw new Inconsistent(`weight_shape says ${columns} columns, which ${words} words do not hold`);
    return columns;
  }
  const bits = ownNumber(weightsScheme(input), "num_bits");
  if (!bits || 32 % bits !== 0)
    throw new Inconsistent("weight_shape is missing and config.json does not give the number of bits");
  return (words * 32) / bits;
}

/** The `weights` part of the only config group; several groups differ by module, and the shapes say enough. */
function weightsScheme({ quantization }: LayoutInput) {
  const groups = own(quantization, "config_groups");
  const schemes = isObject(groups) ? Object.values(groups) : [];
  const weights = schemes.length === 1 && isObject(schemes[0]) ? own(schemes[0], "weights") : undefined;
  return isObject(weights) ? weights : undefined;
}

function configuredGroups(input: LayoutInput): GridSizes {
  const weights = weightsScheme(input);
  const block = own(weights, "block_structure") ?? own(input.quantization, "weight_block_size");
  const [rows, columns]: unknown[] = Array.isArray(block) ? block : [];
  if (typeof rows === "number" && typeof columns === "number") return { rows, columns };
  return { columns: ownNumber(weights, "group_size") };
}
