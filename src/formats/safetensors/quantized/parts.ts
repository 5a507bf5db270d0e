import { EngineError } from "../../../core/errors";
import type { Segment } from "../../format";
import type { Scheme } from "../schemes";

export type Arrangement = Extract<Segment, { kind: "plane" }>["arrangement"];

/** One tensor of a module, as a writer lays it out. */
export interface StoredPart {
  /** Name within the module. */
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** A plane of the encoding, or bytes that the shape alone decides. */
  readonly content: { readonly plane: number; readonly arrangement: Arrangement } | { readonly bytes: Uint8Array };
}

export interface PartsInput {
  readonly encoding: string;
  readonly scheme: Scheme;
  readonly rows: number;
  readonly columns: number;
  readonly constants: Constants;
}

/** Why a matrix of this size has no place in the scheme's layout; undefined when it has. */
export function misfit({ layout, bits, group }: Scheme, rows: number, columns: number): string | undefined {
  // A last group that is not full has no place in weight_packed, and a group index would be needed in the others.
  if (group && columns % group !== 0) return `rows of ${columns} weights do not divide into groups of ${group}`;
  const perWord = 32 / bits;
  if (layout === "gptq" && (columns % perWord !== 0 || rows % perWord !== 0))
    return `${rows} outputs of ${columns} weights do not fill 32-bit words of ${perWord} codes`;
  if (layout === "awq" && rows % 8 !== 0) return `${rows} outputs do not fill 32-bit words of 8 codes`;
  return undefined;
}

export function checkFit({ scheme, rows, columns }: PartsInput): void {
  const problem = misfit(scheme, rows, columns);
  if (problem)
    throw new EngineError("bad-request", `${problem[0].toUpperCase()}${problem.slice(1)}; leave the tensor as it is.`);
}

/**
 * Bytes that follow from shapes, made once for all modules of an export: zero points that are all alike, and group indexes.
 */
export class Constants {
  readonly #repeated = new Map<number, Uint8Array>();
  readonly #indexes = new Map<string, Uint8Array>();

  repeated(byte: number, length: number): Uint8Array {
    let bytes = this.#repeated.get(byte);
    if (!bytes || bytes.length < length) this.#repeated.set(byte, (bytes = new Uint8Array(length).fill(byte)));
    return bytes.subarray(0, length);
  }

  /** g_idx: ⌊column/group⌋ as little-endian i32; group 0 is the whole row. */
  groupIndex(columns: number, group: number): Uint8Array {
    const key = `${columns} ${group}`;
    let bytes = this.#indexes.get(key);
    if (!bytes) {
      const index = Int32Array.from({ length: columns }, (_, column) => (group ? Math.floor(column / group) : 0));
      this.#indexes.set(key, (bytes = new Uint8Array(index.buffer)));
    }
    return bytes;
  }
}
