import { EngineError } from "../core/errors";
import { nearest } from "../core/nearest";
import { type Encoding, fits } from "./encoding";
import { ggmlEncodings } from "./ggml";
import { gridEncoding } from "./grid/grid";
import { parseGridName } from "./grid/name";
import { commonQdqBlocks, qdqBlocksEncoding } from "./grid/qdqBlocks";
import { rowScaledEncoding } from "./grid/rowScaled";
import { commonWordPacked, wordPackedEncoding } from "./grid/wordPacked";
import { binaryEncoding, commonBinary, parseBinaryName } from "./lsbq";
import { commonPyramids, parsePyramidName, pyramidEncoding } from "./pvq";
import { floats } from "./scalars/floats";
import { integers } from "./scalars/integers";

export * from "./affine";
export type { Encoding, PlaneLayout } from "./encoding";
export { bitsPerWeight, encodedBytes, fits, rowAlignment } from "./encoding";

/** Grids shown in lists; `encoding` understands every name of the family. */
const commonGrids = [
  "int4-g32", "int4-g32-asym", "int4-g128", "int4-g128-asym", "int4-channel", "int4-channel-asym",
  "int8-g32", "int8-g32-asym", "int8-g128", "int8-g128-asym", "int8-channel", "int8-channel-asym",
  "int2-g32", "int2-g32-asym", "int2-g128", "int2-g128-asym",
].map((name) => gridEncoding(parseGridName(name)!));

/** Every storage layout, once. */
export const encodings: readonly Encoding[] = [
  ...floats,
  ...integers,
  ...ggmlEncodings,
  ...commonGrids,
  rowScaledEncoding("int8-qdq")!,
  rowScaledEncoding("f8-channel")!,
  ...commonQdqBlocks,
  ...commonWordPacked,
  ...commonBinary,
  ...commonPyramids,
];

const known = new Map(encodings.map((e) => [e.name.toLowerCase(), e]));

/** The encoding of this name, upper or lower case; "bad-request" with the nearest names for one that does not exist. */
export function encoding(name: string): Encoding {
  const found = find(name);
  if (found) return found;
  const near = nearNames(name).join(", ").replace(/, ([^,]*)$/, " or $1");
  const hint = near ? `; did you mean ${near}?` : ".";
  throw new EngineError("bad-request", `There is no encoding called "${name.slice(0, 60)}"${hint}`);
}

function find(name: string): Encoding | undefined {
  const key = name.toLowerCase();
  let member = known.get(key);
  if (member) return member;
  member = fromName(key);
  if (!member) return undefined;
  const same = known.get(member.name);
  if (same) return same;
  known.set(member.name, member);
  return member;
}

/** The member of a family that is spelled out by its parameters. */
function fromName(name: string): Encoding | undefined {
  const grid = parseGridName(name);
  if (grid) return gridEncoding(grid);
  const rowScaled = rowScaledEncoding(name);
  if (rowScaled) return rowScaled;
  const qdqBlocks = qdqBlocksEncoding(name);
  if (qdqBlocks) return qdqBlocks;
  const wordPacked = wordPackedEncoding(name);
  if (wordPacked) return wordPacked;
  const binary = parseBinaryName(name);
  if (binary) return binaryEncoding(binary);
  const pyramid = parsePyramidName(name);
  return pyramid && pyramidEncoding(pyramid);
}

/** Up to three names within a few letters, nearest first. */
export function nearNames(name: string): string[] {
  return nearest(name, encodings.map((e) => e.name)).slice(0, 3);
}

/** What formats must know of encodings (structurally their EncodingFacts; the two families do not see each other). */
export const encodingFacts = {
  /** Can rows of this length be stored without padding? False for unknown names. */
  fits(name: string, columns: number): boolean {
    const member = find(name);
    return member !== undefined && fits(member, columns);
  },
  /** Bytes of each plane, in order. */
  planeBytes(name: string, rows: number, columns: number): readonly number[] {
    return encoding(name).planes.map((plane) => Math.ceil(rows * plane.rowBytes(columns)));
  },
};
