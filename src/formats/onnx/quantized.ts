import { blockMatrix } from "./blockMatrix";
import type { Located } from "./constants";
import { constantOf } from "./consumers";
import { affineGrid, type ScaleAxis, shared } from "./grid";
import { findScale, type GridSource, gridSources } from "./gridSources";
import { attributeOf, type GraphNode, inputOf, type Value } from "./network";
import { lengthOf, shortList } from "./values";
import { type DequantizedView, refuse, type ViewContext, type Viewed } from "./view";

/**
 * All quantized constants of a model by the value that holds their codes: through DequantizeLinear, MatMulNBits,
 * GatherBlockQuantized, the QLinear… operators and MatMulInteger with the scale behind it.
 */
export async function dequantizedViews(context: ViewContext): Promise<{ views: Map<Value, Viewed>; disagreeing: Set<Value> }> {
  const views = new Map<Value, Viewed>();
  const disagreeing = new Set<Value>();
  for (const scope of context.network.scopes) {
    for (const node of scope.nodes) {
      for (const source of gridSources(node)) {
        const found = codesOf(context, node, source);
        if (!found) continue;
        const { codes } = found;
        const view = await viewOf(context, node, codes, found.source);
        if (!view) continue;
        const before = views.get(codes);
        if (!before || ("problem" in before && !("problem" in view))) views.set(codes, view);
        else if (!("problem" in before) && !("problem" in view) && !sameView(before, view)) disagreeing.add(codes);
      }
    }
  }
  return { views, disagreeing };
}

/** The constant codes of an operator: at its input, transposed before it, or looked up before it. */
function codesOf(context: ViewContext, node: GraphNode, source: GridSource): { codes: Value; source: GridSource } | undefined {
  const codes = constantOf(node, source.codes) ?? gatheredCodes(context, node, source);
  if (codes) return { codes, source };
  const maker = inputOf(node, source.codes)?.producer;
  const perm = maker && attributeOf(maker.proto, "perm");
  const flips = maker?.proto.opType === "Transpose" && (!perm || shortList(perm.ints)?.join() === "1,0");
  const stored = flips ? constantOf(maker, 0) : undefined;
  if (!stored || source.kind !== "axis" || source.block > 0 || context.located(stored)?.dims.length !== 2) return undefined;
  return { codes: stored, source: { ...source, axis: source.axis < 0 ? -1 - source.axis : 1 - source.axis } };
}

/** A table of codes whose rows are looked up first and dequantized after, with one scale for all: ONNX Runtime's embeddings. */
function gatheredCodes(context: ViewContext, node: GraphNode, source: GridSource): Value | undefined {
  if (node.proto.opType !== "DequantizeLinear" || source.kind !== "axis" || source.block > 0) return undefined;
  const gather = inputOf(node, 0)?.producer;
  const scale = findScale(node, source);
  if (gather?.proto.opType !== "Gather" || !scale || context.located(scale.value)?.count !== 1) return undefined;
  return constantOf(gather, 0);
}

function sameView(a: DequantizedView, b: DequantizedView): boolean {
  return JSON.stringify([a.layout, a.planes.slice(0, 3)]) === JSON.stringify([b.layout, b.planes.slice(0, 3)]);
}

async function viewOf(context: ViewContext, node: GraphNode, value: Value, source: GridSource): Promise<Viewed | undefined> {
  const codes = context.located(value);
  // Plain floats pass through QuantizeLinear and back: they stay what they are.
  if (!codes?.type || codes.count === 0 || codes.problem) return undefined;
  if (source.kind === "blocks") return blockMatrix(context, node, value, codes);
  return axisGrid(context, node, value, codes, source);
}

/** Scales per tensor, per index of one dimension or per block along it. */
async function axisGrid(
  context: ViewContext,
  node: GraphNode,
  value: Value,
  codes: Located,
  source: Extract<GridSource, { kind: "axis" }>,
): Promise<Viewed | undefined> {
  const found = findScale(node, source);
  const scales = found && context.located(found.value);
  if (!found || !scales?.type)
    return found === undefined && source.scale !== "behind" ? undefined : refuse(node, "its scale is not a constant");
  const zeroValue = node.proto.input[source.zero] ? constantOf(node, source.zero) : undefined;
  if (node.proto.input[source.zero] && !zeroValue) return refuse(node, "its zero point is not a constant");
  const zeros = zeroValue && context.located(zeroValue);
  if (scales.type.kind !== "float" || codes.type!.kind === "bool")
    return refuse(node, "the types of codes and scale do not belong together");
  const axes = scaleAxes(codes.dims, scales, source);
  if (!axes)
    return refuse(node, `scales of shape [${scales.dims.join(", ")}] do not fit codes of shape [${codes.dims.join(", ")}]`);
  const parameters = [found.value, ...found.others, ...(zeroValue ? [zeroValue] : [])];
  const [codeRange, scaleRange] = [await context.values.range(codes), await context.values.range(scales)];
  if (!codeRange || !scaleRange || "problem" in codeRange || "problem" in scaleRange)
    return refuse(node, "its codes or scales cannot be read");
  const zeroPart = await zeroPoints(context, scales, zeros);
  if (zeroPart === undefined) return refuse(node, "its zero points cannot be read or do not fit the scales");
  let globalScale: number | undefined;
  if (found.global) {
    const located = context.located(found.global);
    globalScale = located ? await context.values.scalar(located) : NaN;
    if (!Number.isFinite(globalScale)) return refuse(node, "the scale of its scales cannot be read");
  }
  const transposed = context.transposed(value);
  const grid = affineGrid({
    dims: codes.dims,
    transposed,
    convolution: context.convolution(value),
    axes,
    globalScale,
    codes: { type: codes.type!, range: codeRange },
    scales: { type: scales.type.scalar!, range: scaleRange },
    zeros: zeroPart,
  });
  if (!grid) return refuse(node, "scales lie along an inner dimension of too long a tensor");
  const parts = [codes, scales, zeros];
  return {
    ...grid,
    dims: codes.dims,
    parameters,
    label: `${codes.type!.name} ${grouping(axes, source)}`,
    byteLength: parts.reduce((sum, part) => sum + (part?.byteLength ?? 0), 0),
  };
}

function grouping(axes: readonly ScaleAxis[], source: { block: number }): string {
  if (source.block > 0) return `g${source.block}`;
  return axes.some((a) => a.stride) ? "per channel" : "per tensor";
}

/** One zero point for all as a number, or a plane of them; undefined where they cannot be read. */
async function zeroPoints(context: ViewContext, scales: Located, zeros: Located | undefined) {
  if (!zeros) return 0;
  if (!zeros.type) return undefined;
  if (zeros.count === 1) {
    if (zeros.type.kind === "float") return 0; // the standard allows no other zero point for float codes
    const zero = await context.values.scalar(zeros);
    return Number.isFinite(zero) ? zero : undefined;
  }
  const range = await context.values.range(zeros);
  if (!range || "problem" in range || zeros.count !== scales.count || lengthOf(range) === 0) return undefined;
  return zeros.type.kind === "float" ? 0 : { type: zeros.type, range, count: zeros.count };
}

/** How each dimension of the codes finds its scale, or undefined where the scales' shape does not fit. */
function scaleAxes(
  dims: readonly number[],
  scales: Located,
  source: { axis: number; block: number; leading?: boolean },
): ScaleAxis[] | undefined {
  const axis = source.axis < 0 ? source.axis + dims.length : source.axis;
  if (source.block > 0) {
    if (scales.dims.length !== dims.length || !(axis in dims)) return undefined;
    const wanted = dims.map((d, i) => (i === axis ? Math.ceil(d / source.block) : d));
    if (!wanted.every((d, i) => d === scales.dims[i])) return undefined;
    let stride = scales.count;
    return wanted.map((d, i) => ({ block: i === axis ? source.block : 1, stride: (stride /= d) }));
  }
  if (scales.count === 1) return dims.map(() => shared);
  if (!(axis in dims)) return undefined;
  if (source.leading && scales.count === dims[0]) return dims.map((_, i) => (i === 0 ? { block: 1, stride: 1 } : shared));
  if (source.leading && scales.count === dims[0] * dims[axis]) {
    return dims.map((_, i) => (i === 0 ? { block: 1, stride: dims[axis] } : i === axis ? { block: 1, stride: 1 } : shared));
  }
  if (scales.count !== dims[axis]) return undefined;
  return dims.map((_, i) => (i === axis ? { block: 1, stride: 1 } : shared));
}
