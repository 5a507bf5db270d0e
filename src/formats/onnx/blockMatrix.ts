import type { AffineLayout, ByteRange } from "../../core/model";
import type { Located } from "./constants";
import { constantOf } from "./consumers";
import { affineGrid, type ScaleAxis } from "./grid";
import { type GraphNode, intAttribute, type Value } from "./network";
import { refuse, type ViewContext, type Viewed } from "./view";

/** The matrix of MatMulNBits or the table of GatherBlockQuantized as weights. */
export async function blockMatrix(context: ViewContext, node: GraphNode, value: Value, codes: Located): Promise<Viewed> {
  const inputs = node.proto.opType === "MatMulNBits" ? { scales: 2, zeros: 3, index: 4 } : { scales: 2, zeros: 3, index: -1 };
  const take = async (input: number) => {
    const value = node.proto.input[input] ? constantOf(node, input) : undefined;
    const located = value && context.located(value);
    const range = located && (await context.values.range(located));
    return value && located && range && !("problem" in range) ? { value, located, range } : undefined;
  };
  const range = await context.values.range(codes);
  const parts = { scales: await take(inputs.scales), zeros: await take(inputs.zeros), index: await take(inputs.index) };
  if (!range || "problem" in range || !parts.scales) return refuse(node, "its codes or scales cannot be read");
  if ((node.proto.input[inputs.zeros] && !parts.zeros) || (node.proto.input[inputs.index] && !parts.index)) {
    return refuse(node, "its zero points or group index cannot be read");
  }
  const { scales, zeros, index } = parts;
  if (scales.located.type?.kind !== "float") return refuse(node, "its scales are not floats");
  const taken = [scales, zeros, index].filter((p) => p !== undefined);
  const context2: Parts = { node, codes, range, scales, zeros, index };
  const view = node.proto.opType === "MatMulNBits" ? matMulNBits(context2) : gatherBlocks(context2);
  if (typeof view === "string") return refuse(node, view);
  return {
    ...view,
    parameters: taken.map((p) => p.value),
    byteLength: codes.byteLength + taken.reduce((sum, p) => sum + p.located.byteLength, 0),
  };
}

interface Part {
  readonly located: Located;
  readonly range: ByteRange;
}

interface Parts {
  readonly node: GraphNode;
  readonly codes: Located;
  readonly range: ByteRange;
  readonly scales: Part;
  readonly zeros?: Part;
  readonly index?: Part;
}

type BlockView = { dims: number[]; label: string; planes: ByteRange[]; layout: AffineLayout };

const isBlock = (size: number) => size >= 16 && Number.isInteger(Math.log2(size)) && size <= 2 ** 30;

/** onnxruntime docs/ContribOperators.md, com.microsoft.MatMulNBits. Returns what is wrong as a sentence's beginning. */
function matMulNBits({ node, codes, range, scales, zeros, index }: Parts): BlockView | string {
  const bits = intAttribute(node.proto, "bits", 4);
  const [K, N, block] = ["K", "N", "block_size"].map((name) => intAttribute(node.proto, name, 0));
  if (![2, 3, 4, 5, 6, 7, 8].includes(bits) || !isBlock(block) || !isSize(K) || !isSize(N)) return "its attributes make no sense";
  if (intAttribute(node.proto, "weight_prepacked", 0)) return "its weights are packed for one kind of hardware";
  const groups = Math.ceil(K / block);
  const codeRowBytes = (groups * block * bits) / 8;
  if (codes.type!.scalar !== "u8" || codes.count !== N * codeRowBytes)
    return `codes of ${codes.count} bytes do not fit ${N} × ${K} at ${bits} bits`;
  if (scales.located.count !== N * groups) return `${scales.located.count} scales do not fit ${N} × ${groups} blocks`;
  if (index && (index.located.type?.scalar !== "i32" || index.located.count < K)) return "its group index does not fit";
  const packedRowBytes = Math.ceil((groups * bits) / 8);
  const zeroType = zeros?.located.type;
  const floatZeros = zeroType?.kind === "float";
  if (zeros && zeros.located.count !== (floatZeros ? N * groups : N * packedRowBytes))
    return "its zero points do not fit its blocks";
  return {
    dims: [N, K],
    label: `INT${bits} g${block}${zeros ? " asym" : ""}`,
    planes: [range, scales.range, ...(zeros ? [zeros.range] : []), ...(index ? [index.range] : [])],
    layout: {
      bits,
      signed: false,
      storedOffset: 0,
      packing: "lsb",
      codeOrder: "out-in",
      codeRowBytes,
      rowsPerScale: 1,
      columnsPerScale: block,
      scaleType: scales.located.type!.scalar!,
      scaleRowStride: groups,
      scaleColumnStride: 1,
      zeroPoint: zeros ? 0 : 2 ** (bits - 1),
      zeros: zeros && {
        bits: floatZeros ? zeroType.bits : bits,
        signed: false,
        storedOffset: 0,
        float: floatZeros ? zeroType.scalar : undefined,
        packing: "lsb",
        rowStride: groups,
        columnStride: 1,
        packedRowElements: groups,
        packedRowBytes: floatZeros ? (groups * zeroType.bits) / 8 : packedRowBytes,
      },
    },
  };
}

const isSize = (n: number) => Number.isSafeInteger(n) && n > 0 && n < 2 ** 40;

/** com.microsoft.GatherBlockQuantized: codes of four-bit types, or of bytes packed along the last dimension. */
function gatherBlocks({ node, codes, range, scales, zeros }: Parts): BlockView | string {
  const bytes = codes.type!.scalar === "u8";
  const bits = bytes ? intAttribute(node.proto, "bits", 4) : codes.type!.bits;
  const block = intAttribute(node.proto, "block_size", 128);
  if (![2, 4, 8].includes(bits) || !isBlock(block)) return "its attributes make no sense";
  const dims = [...codes.dims];
  const last = dims.length - 1;
  if (bytes) dims[last] *= 8 / bits;
  const along = intAttribute(node.proto, "quantize_axis", 1);
  const axis = along < 0 ? along + dims.length : along;
  if (!(axis in dims)) return "its attributes make no sense";
  const wanted = dims.map((d, i) => (i === axis ? Math.ceil(d / block) : d));
  const { located } = scales;
  if (located.count !== wanted.reduce((a, b) => a * b, 1)) return `scales of shape [${located.dims.join(", ")}] do not fit`;
  const lastScales = wanted[last];
  const packedRowBytes = bytes ? Math.ceil((lastScales * bits) / 8) : (lastScales * bits) / 8;
  if (zeros && zeros.located.count !== (bytes ? (located.count / lastScales) * packedRowBytes : located.count))
    return "its zero points do not fit";
  let stride = located.count;
  const axes: ScaleAxis[] = wanted.map((d, i) => ({ block: i === axis ? block : 1, stride: (stride /= d) }));
  const grid = affineGrid({
    dims,
    transposed: false,
    convolution: false,
    axes,
    codes: { type: { ...codes.type!, bits }, range },
    scales: { type: located.type!.scalar!, range: scales.range },
    zeros: zeros
      ? { type: { ...zeros.located.type!, bits }, range: zeros.range, count: located.count }
      : bytes
        ? 2 ** (bits - 1)
        : 0,
  });
  if (!grid) return "scales lie along an inner dimension of too long a tensor";
  const layout =
    grid.layout.zeros && bytes
      ? { ...grid.layout, zeros: { ...grid.layout.zeros, packedRowElements: lastScales, packedRowBytes } }
      : grid.layout;
  return {
    dims,
    label: `${bytes ? `INT${bits}` : codes.type!.name} g${block}${zeros ? " asym" : ""}`,
    planes: grid.planes,
    layout,
  };
}
