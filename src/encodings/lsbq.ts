/**
 * Least-squares binary encodings: sign planes and a few scalars per group of a row, and their ternary relative.
 *
 * "lsbq{k}-g{G}" (or "-row" for one group per row), two planes, as safetensors would hold them:
 *   codes   U8  [rows, k, ⌈columns/8⌉]: plane p of a row has bit c mod 8 of byte ⌊c/8⌋ set where s_{p+1} = +1;
 *   scales  F16 [rows, groups, k]: v_1 … v_k. A weight is ±v_1 ± … ± v_k, added in f64 and rounded to f32.
 *   k + 16k/G bits per weight.
 * "ternary-g{G}" or "ternary-row":
 *   codes   U8  [rows, ⌈columns/5⌉]: byte = Σ_{i<5} t_i·3^i of five weights, t = 0, 1, 2 for −, 0, +; missing ones are 0;
 *   scales  F16 [rows, groups]: the level. 1.6 + 16/G bits per weight.
 * The last group of a row may be shorter.
 */
import { fitOneBit, fitRefined, fitTernary, fitTwoBits } from "../core/math/lsbq/fit";
import { Levels } from "../core/math/lsbq/levels";
import type { Encoding } from "./encoding";
import { checkFinite } from "./finite";
import { f16Bits, f16Value } from "./half";

export interface BinaryOptions {
  /** Sign planes, 1 … 6; "ternary" for the three levels −, 0, +. */
  readonly bits: number | "ternary";
  /** Neighbouring weights of a row that share their scalars; 0 is the whole row. */
  readonly group: number;
}

const pattern = /^(?:lsbq([1-6])|ternary)-(?:g([1-9]\d{0,5})|row)$/;

/** "lsbq2-g128", "ternary-row"; undefined for other names. */
export function parseBinaryName(name: string): BinaryOptions | undefined {
  const match = pattern.exec(name);
  return match ? { bits: match[1] ? Number(match[1]) : "ternary", group: Number(match[2] ?? 0) } : undefined;
}

export function binaryName({ bits, group }: BinaryOptions): string {
  return `${bits === "ternary" ? bits : `lsbq${bits}`}-${group ? `g${group}` : "row"}`;
}

export function binaryEncoding(options: BinaryOptions): Encoding {
  return options.bits === "ternary" ? ternary(options) : signPlanes(options, options.bits);
}

/** Chooses the k scalars of one group in f64; `weights` belong to the squared errors. */
export type ScalarFit = (x: Float32Array, bits: number, weights?: Float32Array) => ArrayLike<number>;

/** Exact for one and two bits, refined beyond. */
export const leastSquares: ScalarFit = (x, bits, weights) =>
  (bits === 1 ? fitOneBit(x, weights) : bits === 2 ? fitTwoBits(x, weights) : fitRefined(x, bits, weights)).scalars;

/** The half nearest to a scalar ≥ 0, kept finite: larger groups clip. */
function half(value: number): number {
  return f16Bits(Math.min(value, 65504));
}

interface Groups {
  readonly x: Float32Array;
  readonly rows: number;
  readonly columns: number;
  readonly group: number;
  readonly importance?: Float32Array;
}

/** Every group of every row: its values and weights, the index of its first scalar, and its place. */
function forEachGroup(
  { x, rows, columns, group, importance }: Groups,
  visit: (values: Float32Array, weights: Float32Array | undefined, index: number, row: number, from: number) => void,
): void {
  const length = group || columns;
  let index = 0;
  for (let row = 0; row < rows; row++) {
    for (let from = 0; from < columns; from += length, index++) {
      const to = Math.min(from + length, columns);
      visit(x.subarray(row * columns + from, row * columns + to), importance?.subarray(from, to), index, row, from);
    }
  }
}

/** Encodes with scalars of any origin: each weight goes to the nearest of the levels that the stored halves give. */
export function encodeSignPlanes(
  groups: Groups,
  bits: number,
  [codes, scales]: readonly Uint8Array[],
  fit: ScalarFit = leastSquares,
): void {
  const { rows, columns } = groups;
  const planeBytes = Math.ceil(columns / 8);
  codes.fill(0, 0, rows * bits * planeBytes);
  const levels = new Levels(bits);
  const stored = new Float64Array(bits);
  forEachGroup(groups, (values, weights, index, row, from) => {
    const scalars = fit(values, bits, weights);
    for (let p = 0; p < bits; p++) {
      const h = half(scalars[p]);
      const at = 2 * (index * bits + p);
      scales[at] = h & 255;
      scales[at + 1] = h >> 8;
      stored[p] = f16Value(h);
    }
    levels.set(stored);
    for (let i = 0; i < values.length; i++) {
      const code = levels.codes[levels.nearest(values[i])];
      const column = from + i;
      for (let p = 0; p < bits; p++) {
        if ((code >> p) & 1) codes[(row * bits + p) * planeBytes + (column >> 3)] |= 1 << (column & 7);
      }
    }
  });
}

function signPlanes(options: BinaryOptions, bits: number): Encoding {
  const { group } = options;
  const label = `LSBQ ${bits} bit ${group ? `g${group}` : "row"}`;
  return {
    name: binaryName(options),
    label,
    description:
      `Least-squares binary: ${bits} sign plane${bits > 1 ? "s" : ""} and as many scalars per ` +
      `${group ? `${group} weights` : "row"}${bits > 2 ? "" : ", exact"}`,
    blockElements: 1,
    planes: [
      { name: "codes", rowBytes: (columns) => bits * Math.ceil(columns / 8) },
      { name: "scales", rowBytes: (columns) => 2 * bits * Math.ceil(columns / (group || columns)) },
    ],
    wholeRows: bits > 1,
    targets: ["safetensors"],
    decode([codes, scales], rows, columns, out) {
      const length = group || columns;
      const planeBytes = Math.ceil(columns / 8);
      const values = new Float32Array(1 << bits);
      let index = 0;
      for (let row = 0; row < rows; row++) {
        for (let from = 0; from < columns; from += length, index++) {
          for (let code = 0; code < values.length; code++) {
            let value = 0;
            for (let p = 0; p < bits; p++) {
              const at = 2 * (index * bits + p);
              const v = f16Value(scales[at] | (scales[at + 1] << 8));
              value += (code >> p) & 1 ? v : -v;
            }
            values[code] = value;
          }
          for (let column = from; column < Math.min(from + length, columns); column++) {
            let code = 0;
            for (let p = 0; p < bits; p++)
              code |= ((codes[(row * bits + p) * planeBytes + (column >> 3)] >> (column & 7)) & 1) << p;
            out[row * columns + column] = values[code];
          }
        }
      }
    },
    encode(x, rows, columns, planes, importance) {
      checkFinite(x, rows, columns, label);
      encodeSignPlanes({ x, rows, columns, group, importance }, bits, planes);
    },
  };
}

const powers = [1, 3, 9, 27, 81];

function ternary(options: BinaryOptions): Encoding {
  const { group } = options;
  const label = `Ternary ${group ? `g${group}` : "row"}`;
  return {
    name: binaryName(options),
    label,
    description: `Least-squares ternary, exact: −, 0, + and one level per ${group ? `${group} weights` : "row"}`,
    blockElements: 1,
    planes: [
      { name: "codes", rowBytes: (columns) => Math.ceil(columns / 5) },
      { name: "scales", rowBytes: (columns) => 2 * Math.ceil(columns / (group || columns)) },
    ],
    targets: ["safetensors"],
    decode([codes, scales], rows, columns, out) {
      const length = group || columns;
      const rowBytes = Math.ceil(columns / 5);
      const groups = Math.ceil(columns / length);
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          const index = row * groups + Math.floor(column / length);
          const level = f16Value(scales[2 * index] | (scales[2 * index + 1] << 8));
          const t = Math.floor(codes[row * rowBytes + Math.floor(column / 5)] / powers[column % 5]) % 3;
          out[row * columns + column] = t === 1 ? 0 : t === 2 ? level : -level;
        }
      }
    },
    encode(x, rows, columns, [codes, scales], importance) {
      checkFinite(x, rows, columns, label);
      const rowBytes = Math.ceil(columns / 5);
      codes.fill(0, 0, rows * rowBytes);
      forEachGroup({ x, rows, columns, group, importance }, (values, weights, index, row, from) => {
        const h = half(fitTernary(values, weights).level);
        scales[2 * index] = h & 255;
        scales[2 * index + 1] = h >> 8;
        const threshold = f16Value(h) / 2;
        for (let i = 0; i < values.length; i++) {
          const column = from + i;
          const t = values[i] > threshold ? 2 : values[i] < -threshold ? 0 : 1;
          codes[row * rowBytes + Math.floor(column / 5)] += t * powers[column % 5];
        }
      });
    },
  };
}

/** Shown in lists; every name of the family is understood. */
export const commonBinary = ["lsbq1-g128", "lsbq2-g128", "lsbq3-g128", "lsbq4-g128", "ternary-g128"].map((name) =>
  binaryEncoding(parseBinaryName(name)!),
);
