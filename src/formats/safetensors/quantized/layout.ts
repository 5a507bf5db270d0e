import type { AffineLayout, ScalarType } from "../../../core/model";
import type { Problems } from "../../problems";
import { dtypes } from "../dtypes";
import { type JsonObject } from "../config";
import type { PlacedTensor } from "../store";
import type { PartsInput, StoredPart } from "./parts";
import type { PlanesStatement } from "./planeNames";

/** A way to store a weight as several tensors of one module. */
export interface Layout {
  /** Name, within the module, of the tensor with the codes. */
  readonly key: string;
  /** Further tensors that belong to it where they exist. */
  readonly companions: readonly string[];
  /** Do these tensors look like this layout? Cheap; `describe` checks the rest. */
  matches(parts: ReadonlyMap<string, PlacedTensor>): boolean;
  /** Throws `Inconsistent` where shapes and types contradict each other. */
  describe(input: LayoutInput): LayoutDescription;
  /** The tensors of a weight in this layout, from the planes of its encoding. Throws "bad-request" for sizes that do not fit. */
  parts(input: PartsInput): readonly StoredPart[];
}

export interface LayoutInput {
  readonly module: string;
  readonly parts: ReadonlyMap<string, PlacedTensor>;
  readonly quantization?: JsonObject;
  readonly method?: string;
  /** Value of `weight_shape`. */
  readonly shape?: readonly [rows: number, columns: number];
  /** What the file's metadata says of a weight in Bitlens' own layout. */
  readonly planes?: PlanesStatement;
  readonly problems: Problems;
}

export interface LayoutDescription {
  readonly shape: readonly [rows: number, columns: number];
  readonly label: string;
  /** Names of the parts that are planes, in the order of `AffineLayout` or of the encoding. */
  readonly planes: readonly string[];
  /** An integer grid; otherwise `encoding` names what the planes are of. */
  readonly affine?: AffineLayout;
  readonly encoding?: string;
}

export class Inconsistent extends Error {}

/** A part that must be there, with as many dimensions as named. */
export function part(input: LayoutInput, name: string, dimensions?: number): PlacedTensor {
  const found = input.parts.get(name);
  if (!found) throw new Inconsistent(`${name} is missing`);
  if (dimensions !== undefined && found.shape.length !== dimensions) {
    throw new Inconsistent(`${name} has ${found.shape.length} dimensions instead of ${dimensions}`);
  }
  return found;
}

export function expectDtype(name: string, tensor: PlacedTensor, ...allowed: string[]): void {
  if (!allowed.includes(tensor.dtype)) throw new Inconsistent(`${name} is ${tensor.dtype} instead of ${allowed.join(" or ")}`);
}

export function expectShape(name: string, tensor: PlacedTensor, ...shape: number[]): void {
  if (tensor.shape.length !== shape.length || tensor.shape.some((n, i) => n !== shape[i])) {
    throw new Inconsistent(`${name} has shape [${tensor.shape.join(", ")}] instead of [${shape.join(", ")}]`);
  }
}

const scaleTypes = new Set(["F64", "F32", "F16", "BF16", "F8_E8M0", "F8_E4M3"]);

export function scaleTypeOf(name: string, tensor: PlacedTensor): ScalarType {
  if (!scaleTypes.has(tensor.dtype)) throw new Inconsistent(`${name} is ${tensor.dtype}, which is no type for scales`);
  return dtypes.get(tensor.dtype)!.encoding as ScalarType;
}

/** Scales of shape [], [1], [rows], [rows, 1], [rows, groups] or [row blocks, column blocks], as strides and block sizes. */
export function scaleGrid(name: string, scales: PlacedTensor, rows: number, columns: number, sizes: GridSizes) {
  const strip = scales.shape.filter((_, i) => i < 2);
  if (scales.shape.length > 2) throw new Inconsistent(`${name} has ${scales.shape.length} dimensions`);
  if (scales.elementCount === 1 && rows > 1)
    return { rowsPerScale: 0, columnsPerScale: 0, scaleRowStride: 0, scaleColumnStride: 0, columnGroups: 1 };
  const [high, wide = 1] = strip;
  const rowsPerScale = high === rows ? 1 : blockSize(name, rows, high, sizes.rows);
  const columnsPerScale = wide === 1 ? 0 : blockSize(name, columns, wide, sizes.columns);
  return { rowsPerScale, columnsPerScale, scaleRowStride: wide, scaleColumnStride: 1, columnGroups: wide };
}

/** Block sizes that the configuration names, needed only where a last block is not full. */
export interface GridSizes {
  readonly rows?: number;
  readonly columns?: number;
}

function blockSize(name: string, total: number, blocks: number, configured: number | undefined): number {
  if (configured !== undefined && configured > 0 && Math.ceil(total / configured) === blocks) return configured;
  if (blocks > 0 && total % blocks === 0) return total / blocks;
  throw new Inconsistent(`${name} has ${blocks} groups, which do not divide ${total}`);
}

/** "g128", "channel", "128×128", "tensor". */
export function describeGroups({ rowsPerScale, columnsPerScale }: { rowsPerScale: number; columnsPerScale: number }): string {
  if (rowsPerScale === 0) return "tensor";
  if (rowsPerScale > 1) return `${rowsPerScale}×${columnsPerScale || "row"}`;
  return columnsPerScale === 0 ? "channel" : `g${columnsPerScale}`;
}

/** A product that a hostile shape cannot push out of the exact integers. */
export function checkedSize(...factors: number[]): number {
  const product = factors.reduce((a, b) => a * b, 1);
  if (!Number.isSafeInteger(product)) throw new Inconsistent(`a size of ${factors.join(" × ")} is too large`);
  return product;
}
