import type { Address } from "./address";

type Matrix = [x: Address, rows: number, columns: number];
/** What `gridOf` reads from a name. */
type Grid = [bits: number, group: number, asymmetric: number];
type Scale = [scaleType: number, rule: number];
type Planes = [codes: Address, scales: Address, zeros: Address];

/** The compiled kernels of integer grids. */
export interface GridKernels {
  grid_error(...given: [...Matrix, ...Grid, ...Scale, scratch: Address]): number;
  grid_encode(...given: [...Matrix, ...Grid, ...Scale, scratch: Address, ...Planes]): number;
  /** Asymmetric grids of 2 bits. */
  zero_points_error(...given: [...Matrix, group: number, scaleType: number, scratch: Address]): number;
  zero_points_encode(...given: [...Matrix, group: number, scaleType: number, scratch: Address, ...Planes]): number;
  qdq_encode(...given: [...Matrix, ...Grid, scratch: Address, ...Planes]): number;
}

/** What a name says, as the kernels take it. */
export interface KernelGrid {
  readonly bits: number;
  /** 0 is the row. */
  readonly group: number;
  readonly asymmetric: number;
  /** f32, f16, bf16. */
  readonly scaleType: number;
  /** Of symmetric scales: search, largest magnitude, signed extreme, search among positive scales. */
  readonly rule: number;
  /** Codes as ONNX's DequantizeLinear has them in blocks. */
  readonly isQdq?: boolean;
  /** Two bits whose zero points are searched for. */
  readonly zeroPoints?: boolean;
}

/** Codes that fill bytes. */
const grids = /^int([248])-(?:g(\d+)|channel)(-asym)?(?:-(f16|bf16))?(?:-(absmax|extreme|minmax))?$/;
const qdqBlocks = /^int([48])-qdq-g(\d+)(-asym)?$/;
/** The same planes under the names of the files that pack them: half-precision scales, AWQ always with zero points. */
const wordPacked = /^(gptq|gptq_v2|awq)-([48])bit-(?:g(\d+)|channel)(-asym)?$/;

/** The grid that an encoding's name says, where the kernels know it. */
export function gridOf(name: string): KernelGrid | undefined {
  const grid = grids.exec(name);
  if (grid) {
    const [, bits, group, asymmetric, scaleType, rule] = grid;
    return {
      bits: Number(bits),
      group: Number(group ?? 0),
      asymmetric: asymmetric ? 1 : 0,
      scaleType: ["f16", "bf16"].indexOf(scaleType) + 1,
      rule: asymmetric ? 0 : ["absmax", "extreme"].indexOf(rule) + 1,
      // The other asymmetric grids have no search.
      zeroPoints: asymmetric !== undefined && bits === "2" && rule !== "minmax",
    };
  }
  const blocks = qdqBlocks.exec(name);
  if (blocks) {
    const [, bits, group, asymmetric] = blocks;
    return { bits: Number(bits), group: Number(group), asymmetric: asymmetric ? 1 : 0, scaleType: 0, rule: 3, isQdq: true };
  }
  const packed = wordPacked.exec(name);
  if (packed) {
    const [, container, bits, group, asym] = packed;
    const asymmetric = asym || container === "awq" ? 1 : 0;
    return { bits: Number(bits), group: Number(group ?? 0), asymmetric, scaleType: 1, rule: 0 };
  }
  return undefined;
}
