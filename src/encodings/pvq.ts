/**
 * Pyramid vector quantization, after van der Ouderaa, Croci, Hilmkil and Hensman (arXiv 2410.16926), whose body we could not
 * read: a reconstruction from its abstract, the Opus codec and our own experiments, and labelled so.
 *
 * "pvq-g{G}-k{K}-b{B}" with an optional "-r{seed}". A row of D weights (D a multiple of G), first multiplied by the seeded
 * mixing Q where the name has a seed, is cut into groups of G: w ≈ ρ · L[gain] · y/‖y‖ with y in P(G,K). Two planes:
 *   codes   U8   [rows, ⌈D/G·(I+B)/8⌉]: per group I = ⌈log2 V(G,K)⌉ bits of index, then B bits of gain, least significant
 *           bits first; indices from V on (where there are any) mean a group of zeros;
 *   scales  BF16 [rows]: ρ. It has f32's range, and the gains are measured against the stored value.
 * Enumeration: src/core/math/pvq/codebook.ts. L: the 2^B Lloyd–Max levels for (G, D), src/core/math/pvq/gain.ts.
 * Q: src/core/math/hadamard.ts, RandomMixing(D, seed). (I+B)/G + 16/D bits per weight.
 */
import { EngineError } from "../core/errors";
import { RandomMixing } from "../core/math/hadamard";
import { maximumDimension, maximumPulses, pyramidCodebook, type PyramidCodebook } from "../core/math/pvq/codebook";
import { gainLevels } from "../core/math/pvq/gain";
import { searchPyramid } from "../core/math/pvq/search";
import { BitReader, BitWriter } from "./bitStream";
import type { Encoding } from "./encoding";
import { checkFinite } from "./finite";
import { bf16Bits, bf16Value } from "./half";

export interface PyramidOptions {
  /** G, neighbouring weights of a row that form one vector: 2 … 256. */
  readonly group: number;
  /** K, pulses: 1 … 1024. */
  readonly pulses: number;
  /** B, 0 … 8. */
  readonly gainBits: number;
  /** Seed of the mixing of the input side; none without. */
  readonly seed?: number;
}

const pattern = /^pvq-g([1-9]\d{0,2})-k([1-9]\d{0,3})-b([0-8])(?:-r(0|[1-9]\d{0,14}))?$/;

/** "pvq-g16-k27-b4", "pvq-g16-k27-b4-r1"; undefined for other names. */
export function parsePyramidName(name: string): PyramidOptions | undefined {
  const match = pattern.exec(name);
  if (!match) return undefined;
  const [group, pulses, gainBits] = match.slice(1, 4).map(Number);
  if (group < 2 || group > maximumDimension || pulses > maximumPulses) return undefined;
  return { group, pulses, gainBits, ...(match[4] !== undefined && { seed: Number(match[4]) }) };
}

export function pyramidName({ group, pulses, gainBits, seed }: PyramidOptions): string {
  return `pvq-g${group}-k${pulses}-b${gainBits}${seed === undefined ? "" : `-r${seed}`}`;
}

/** Finds the codewords of `count` groups of n neighbouring values: y gets count·n pulses (all 0 for a group of zeros). */
export type PyramidSearch = (x: Float32Array, count: number, n: number, k: number, y: Int32Array) => void;

/** The plain search, one group after the other. */
export const plainSearch: PyramidSearch = (x, count, n, k, y) => {
  for (let g = 0; g < count; g++) if (!searchPyramid(x, g * n, n, k, y, g * n)) y.fill(0, g * n, (g + 1) * n);
};

export function pyramidEncoding(options: PyramidOptions): Encoding {
  const { group, pulses, gainBits, seed } = options;
  const mixed = seed === undefined ? "" : ` rotated (seed ${seed})`;
  const label = `PVQ G${group} K${pulses}${gainBits ? ` +${gainBits}` : ""}${mixed} (reconstruction)`;
  let bits = 0; // of one group; counting a large codebook waits until someone asks
  const groupBits = () => (bits ||= pyramidCodebook(group, pulses).indexBits + gainBits);
  return {
    name: pyramidName(options),
    label,
    description:
      `Pyramid vector quantization (reconstruction): vectors of ${group} weights, ${pulses} pulses, ${gainBits}-bit gains${mixed}`,
    blockElements: group,
    planes: [
      { name: "codes", rowBytes: (columns) => Math.ceil(((columns / group) * groupBits()) / 8) },
      { name: "scales", rowBytes: () => 2 },
    ],
    targets: ["safetensors"],
    decode: (planes, rows, columns, out) => decodeRows(options, planes, rows, columns, out),
    encode(x, rows, columns, planes) {
      checkFinite(x, rows, columns, label);
      encodePyramid(options, { x, rows, columns }, planes);
    },
  };
}

function checkColumns({ group }: PyramidOptions, columns: number): void {
  if (columns % group === 0) return;
  throw new EngineError(
    "bad-request",
    `PVQ with groups of ${group} needs rows of a multiple of ${group} weights; this one has ${columns}.`,
  );
}

/** Encodes with any search that keeps the plain one's promise. */
export function encodePyramid(
  options: PyramidOptions,
  { x, rows, columns }: { readonly x: Float32Array; readonly rows: number; readonly columns: number },
  [codes, scales]: readonly Uint8Array[],
  search: PyramidSearch = plainSearch,
): void {
  checkColumns(options, columns);
  const { group, pulses, gainBits, seed } = options;
  const codebook = pyramidCodebook(group, pulses);
  const groups = columns / group;
  const levels = gainLevels(group, columns, gainBits);
  const mixing = seed === undefined ? undefined : new RandomMixing(columns, seed);
  const y = new Int32Array(columns);
  const mixedRow = new Float32Array(columns);
  const fit = new GainFit(groups, levels);
  const bitsPerGroup = codebook.indexBits + gainBits;
  const rowBytes = Math.ceil((groups * bitsPerGroup) / 8);
  const zero = zeroIndex(codebook);
  for (let r = 0; r < rows; r++) {
    let row = x.subarray(r * columns, (r + 1) * columns);
    if (mixing) {
      mixedRow.set(row);
      mixing.apply(mixedRow);
      row = mixedRow;
    }
    search(row, groups, group, pulses, y);
    for (let g = 0; g < groups; g++) {
      let dot = 0;
      let energy = 0;
      for (let i = g * group; i < (g + 1) * group; i++) {
        dot += row[i] * y[i];
        energy += y[i] * y[i];
      }
      fit.projected[g] = energy > 0 ? dot / Math.sqrt(energy) : 0;
    }
    const scaleBits = fit.run(zero !== undefined);
    scales[2 * r] = scaleBits & 255;
    scales[2 * r + 1] = scaleBits >> 8;
    const writer = new BitWriter(codes, r * rowBytes, rowBytes);
    for (let g = 0; g < groups; g++) {
      const gain = fit.codes[g];
      const empty = gain < 0 || fit.projected[g] === 0;
      if (codebook.numeric) writer.write(empty ? Number(zero ?? 0n) : codebook.encode(y, g * group), codebook.indexBits);
      else writer.writeBig(empty ? (zero ?? 0n) : codebook.encodeBig(y, g * group), codebook.indexBits);
      writer.write(Math.max(0, gain), gainBits);
    }
  }
}

/** The first index past the codewords, which stands for a group of zeros; V is a power of two only for one pulse or so. */
function zeroIndex(codebook: PyramidCodebook): bigint | undefined {
  return codebook.count < 1n << BigInt(codebook.indexBits) ? codebook.count : undefined;
}

/**
 * Chooses ρ and the gain codes of one row for given projections p_g = ⟨w_g, y⟩/‖y‖ ≥ 0: ρ starts at √Σp² (the row's norm
 * times the mean cosine, so that p/ρ follows the law), then nearest levels and the least-squares ρ alternate.
 */
class GainFit {
  readonly projected: Float64Array;
  /** Level of each group; −1: nearer to nothing at all than to the lowest level. */
  readonly codes: Int16Array;

  constructor(
    groups: number,
    readonly levels: Float32Array,
  ) {
    this.projected = new Float64Array(groups);
    this.codes = new Int16Array(groups);
  }

  /** Returns ρ as bf16 bits. */
  run(mayVanish: boolean): number {
    let energy = 0;
    for (const p of this.projected) energy += p * p;
    let rho = Math.sqrt(energy);
    for (let round = 0; round < 4 && rho > 0; round++) {
      this.#assign(rho, mayVanish);
      let dot = 0;
      let norm = 0;
      for (let g = 0; g < this.codes.length; g++) {
        if (this.codes[g] < 0) continue;
        const level = this.levels[this.codes[g]];
        dot += this.projected[g] * level;
        norm += level * level;
      }
      if (!(dot > 0)) break;
      rho = dot / norm;
    }
    const bits = bf16Bits(Math.min(rho, 3.3895313892515355e38));
    this.#assign(bf16Value(bits), mayVanish);
    return bits;
  }

  #assign(rho: number, mayVanish: boolean): void {
    const { levels } = this;
    for (let g = 0; g < this.codes.length; g++) {
      const s = rho > 0 ? this.projected[g] / rho : 0;
      if (mayVanish && s < levels[0] / 2) {
        this.codes[g] = -1;
        continue;
      }
      let low = 0;
      let high = levels.length - 1;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (s > (levels[middle] + levels[middle + 1]) / 2) low = middle + 1;
        else high = middle;
      }
      this.codes[g] = low;
    }
  }
}

function decodeRows(
  options: PyramidOptions,
  [codes, scales]: readonly Uint8Array[],
  rows: number,
  columns: number,
  out: Float32Array,
): void {
  checkColumns(options, columns);
  const { group, pulses, gainBits, seed } = options;
  const codebook = pyramidCodebook(group, pulses);
  const groups = columns / group;
  const levels = gainLevels(group, columns, gainBits);
  const mixing = seed === undefined ? undefined : new RandomMixing(columns, seed);
  const rowBytes = Math.ceil((groups * (codebook.indexBits + gainBits)) / 8);
  const count = Number(codebook.count);
  const y = new Int32Array(group);
  for (let r = 0; r < rows; r++) {
    const rho = bf16Value(scales[2 * r] | (scales[2 * r + 1] << 8));
    const reader = new BitReader(codes, r * rowBytes);
    for (let g = 0; g < groups; g++) {
      const at = r * columns + g * group;
      let known = true;
      if (codebook.numeric) {
        const index = reader.read(codebook.indexBits);
        known = index < count;
        if (known) codebook.decode(index, y);
      } else {
        const index = reader.readBig(codebook.indexBits);
        known = index < codebook.count;
        if (known) codebook.decodeBig(index, y);
      }
      const level = levels[reader.read(gainBits)];
      if (!known) {
        out.fill(0, at, at + group);
        continue;
      }
      let energy = 0;
      for (let i = 0; i < group; i++) energy += y[i] * y[i];
      const factor = (rho * level) / Math.sqrt(energy);
      for (let i = 0; i < group; i++) out[at + i] = factor * y[i];
    }
    mixing?.undo(out, r * columns);
  }
}

/** Shown in lists (2.25, 3.25, 4.25 bits per weight and a row's scale); every name of the family is understood. */
export const commonPyramids = ["pvq-g16-k12-b4", "pvq-g16-k27-b4", "pvq-g16-k27-b4-r1", "pvq-g16-k58-b4"].map((name) =>
  pyramidEncoding(parsePyramidName(name)!),
);
