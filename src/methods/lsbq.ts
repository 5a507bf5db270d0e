import { EngineError } from "../core/errors";
import { fitGreedy, fitTernary } from "../core/math/lsbq/fit";
import { checkFinite } from "../encodings/finite";
import { encodeSignPlanes, leastSquares, parseBinaryName, type ScalarFit } from "../encodings/lsbq";
import type { Method } from "./method";
import { checkRequest, unsupported } from "./options";

const greedy: ScalarFit = (x, bits, weights) => fitGreedy(x, bits, weights).scalars;

/** ggml's ternary blocks take max |x| for their level, so weights that are −L, 0 or L already come through unchanged. */
const ternaryBlocks = new Set(["tq1_0", "tq2_0", "q2_0"]);

/**
 * Least Squares Binary Quantization (Pouransari, Tu, Tuzel 2020). Sign planes with exact (1, 2 bits) or refined scalars,
 * or, as option `fit: "greedy"`, the paper's greedy ones; exact ternary; and both in ggml's own one-bit and ternary blocks.
 */
export const lsbq: Method = {
  name: "lsbq",
  label: "Least-squares binary",
  description: "Signs and a few scalars per group with the least squared error: exact for one bit, two bits and ternary",
  needs: [],
  uses: ["importance"],
  options: { fit: ["exact", "greedy"] },
  supports: ({ name, encode }) =>
    encode !== undefined && (parseBinaryName(name) !== undefined || name === "q1_0" || ternaryBlocks.has(name)),
  kernel: ({ name }) => (ternaryBlocks.has(name) ? `lsbq-${name}` : name),
  encode(request) {
    checkRequest(this, request);
    const { encoding, x, rows, columns, planes, statistics, options } = request;
    if (!encoding.encode) throw unsupported(this, encoding);
    const fit = options?.fit ?? "exact";
    const importance = statistics?.importance;
    checkFinite(x, rows, columns, encoding.label);
    const binary = parseBinaryName(encoding.name);
    if (binary && binary.bits !== "ternary") {
      encodeSignPlanes(
        { x, rows, columns, group: binary.group, importance },
        binary.bits,
        planes,
        fit === "greedy" ? greedy : leastSquares,
      );
      return;
    }
    if (fit === "greedy")
      throw new EngineError("bad-request", `The option fit: "greedy" is for sign planes; ${encoding.label} is fitted exactly.`);
    const values = ternaryBlocks.has(encoding.name)
      ? ternaryValues(x, rows * columns, columns, encoding.blockElements, importance)
      : x;
    encoding.encode(values, rows, columns, planes, importance);
  },
};

/** Every block replaced by its best −L, 0, L. */
function ternaryValues(x: Float32Array, count: number, columns: number, block: number, importance?: Float32Array): Float32Array {
  const out = new Float32Array(count);
  for (let from = 0; from < count; from += block) {
    const values = x.subarray(from, from + block);
    const { level, threshold } = fitTernary(values, importance?.subarray(from % columns, (from % columns) + block));
    for (let i = 0; i < values.length; i++) out[from + i] = Math.abs(values[i]) > threshold ? Math.sign(values[i]) * level : 0;
  }
  return out;
}
