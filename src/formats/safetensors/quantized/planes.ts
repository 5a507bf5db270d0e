/**
 * Weights in Bitlens' own layout: the two planes of a research encoding as they are (LAYOUTS.md beside the writer).
 *
 * `<module>.weight.bitlens_codes` U8 [out, bytes of a row] and `<module>.weight.bitlens_scales`; what they mean stands in the
 * file's `__metadata__` under "bitlens": {"version": 1, "weights": {"<module>.weight": {"encoding": name, "shape": [out, in]}}}.
 */
import { gainLevels } from "../../../core/math/pvq/gain";
import { isObject, own } from "../config";
import { checkedSize, expectDtype, expectShape, Inconsistent, type Layout, part } from "./layout";
import { binaryName, isPlaneEncoding, planesKey, type PlanesStatement, pyramidName } from "./planeNames";

const version = 1;
/** Name of the codewords' order (src/core/math/pvq/codebook.ts). */
const enumeration = "bitlens-pyramid-1";
/** Entries of one weight take about 100 characters. */
const longestStatement = 64 * 1024 * 1024;

interface PlaneShapes {
  readonly label: string;
  readonly rowBytes: number;
  readonly scaleDtype: "F16" | "BF16";
  readonly scaleShape: readonly number[];
}

/**
 * Both planes' shapes, for the reader and the writer alike; src/encodings/lsbq.ts and pvq.ts say what is in them. Throws
 * `Inconsistent` for rows that the encoding cannot hold, and for other encodings.
 */
export function planeShapes(encoding: string, rows: number, columns: number): PlaneShapes {
  if (!isPlaneEncoding(encoding)) throw new Inconsistent(`the encoding "${encoding.slice(0, 40)}" is not known`);
  const match = binaryName.exec(encoding);
  if (match) {
    const group = Number(match[2] ?? columns);
    const groups = Math.ceil(columns / group);
    const size = match[2] ? `g${group}` : "row";
    if (!match[1])
      return { label: `Ternary ${size}`, rowBytes: Math.ceil(columns / 5), scaleDtype: "F16", scaleShape: [rows, groups] };
    const bits = Number(match[1]);
    const rowBytes = bits * Math.ceil(columns / 8);
    return { label: `LSBQ ${bits} bit ${size}`, rowBytes, scaleDtype: "F16", scaleShape: [rows, groups, bits] };
  }
  const [, group, pulses, gainBits] = pyramidName.exec(encoding)!.map(Number);
  if (columns % group !== 0) throw new Inconsistent(`${columns} columns do not divide into vectors of ${group}`);
  const rowBytes = Math.ceil(((columns / group) * (indexBits(group, pulses) + gainBits)) / 8);
  return { label: `PVQ G${group} K${pulses} (reconstruction)`, rowBytes, scaleDtype: "BF16", scaleShape: [rows] };
}

/** ⌈log2 V(N,K)⌉ by V = Σ_d 2^d C(N,d) C(K−1,d−1), without the tables that coding needs. */
function indexBits(n: number, k: number): number {
  let count = 0n;
  let term = 2n * BigInt(n); // d = 1
  for (let d = 1; d <= Math.min(n, k); d++) {
    count += term;
    term = (term * 2n * BigInt(n - d) * BigInt(k - d)) / (BigInt(d + 1) * BigInt(d));
  }
  return (count - 1n).toString(2).length;
}

/** The codes are found first; the encoding and the shape come from the file's metadata. */
export const bitlensPlanes: Layout = {
  key: "weight.bitlens_codes",
  companions: ["weight.bitlens_scales"],
  matches: () => true,
  describe(input) {
    const codes = part(input, "weight.bitlens_codes", 2);
    const scales = part(input, "weight.bitlens_scales");
    if (!input.planes) throw new Inconsistent(`the file's metadata does not say under "${planesKey}" how it is encoded`);
    const { encoding, shape } = input.planes;
    const [rows, columns] = shape;
    checkedSize(rows, columns);
    const { label, rowBytes, scaleDtype, scaleShape } = planeShapes(encoding, rows, columns);
    expectDtype("weight.bitlens_codes", codes, "U8");
    expectShape("weight.bitlens_codes", codes, rows, rowBytes);
    expectDtype("weight.bitlens_scales", scales, scaleDtype);
    expectShape("weight.bitlens_scales", scales, ...scaleShape);
    return { shape, label, planes: ["weight.bitlens_codes", "weight.bitlens_scales"], encoding };
  },
  parts({ encoding, rows, columns }) {
    const { rowBytes, scaleDtype, scaleShape } = planeShapes(encoding, rows, columns);
    return [
      { name: "weight.bitlens_codes", dtype: "U8", shape: [rows, rowBytes], content: { plane: 0, arrangement: "rows" } },
      { name: "weight.bitlens_scales", dtype: scaleDtype, shape: scaleShape, content: { plane: 1, arrangement: "rows" } },
    ];
  },
};

/**
 * The metadata entry of a file with these weights. The gain levels follow from the version; they are written down, by G, row
 * length and gain bits, so that others need not compute them.
 */
export function planesStatement(weights: readonly (readonly [name: string, statement: PlanesStatement])[]): string {
  const gains: Record<string, number[]> = {};
  for (const [, { encoding, shape }] of weights) {
    const match = pyramidName.exec(encoding)?.map(Number);
    if (match) gains[`g${match[1]}-d${shape[1]}-b${match[3]}`] ??= [...gainLevels(match[1], shape[1], match[3])];
  }
  const pyramids = Object.keys(gains).length > 0;
  return JSON.stringify({ version, ...(pyramids && { enumeration, gains }), weights: Object.fromEntries(weights) });
}

/** What a file's metadata says of its weights; nothing where it is damaged or of a later version. */
export function readStatement(text: string): ReadonlyMap<string, PlanesStatement> {
  const found = new Map<string, PlanesStatement>();
  let json: unknown;
  try {
    json = text.length <= longestStatement ? JSON.parse(text) : undefined;
  } catch {
    return found;
  }
  if (!isObject(json) || own(json, "version") !== version) return found;
  const order = own(json, "enumeration");
  const weights = own(json, "weights");
  if ((order !== undefined && order !== enumeration) || !isObject(weights)) return found;
  for (const [name, value] of Object.entries(weights)) {
    if (!isObject(value)) continue;
    const [encoding, shape] = [own(value, "encoding"), own(value, "shape")];
    if (typeof encoding !== "string" || !Array.isArray(shape) || shape.length !== 2 || !shape.every(isSize)) continue;
    found.set(name, { encoding, shape: [shape[0], shape[1]] });
  }
  return found;
}

const isSize = (value: unknown): value is number => typeof value === "number" && Number.isSafeInteger(value) && value > 0;
