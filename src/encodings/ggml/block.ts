import { EngineError } from "../../core/errors";
import type { Encoding } from "../encoding";
import { checkFinite, Unstorable } from "../finite";

/** What distinguishes one ggml block type from another. */
export interface BlockType {
  readonly name: string;
  readonly label: string;
  readonly description: string;
  readonly elements: number;
  readonly bytes: number;
  /** Decodes the block at byte `at` into out[o..o+elements). */
  decodeBlock(bytes: Uint8Array, at: number, out: Float32Array, o: number): void;
  /**
   * Encodes `columns` values from x[from] into bytes[at..]. With `importance`, as ggml does with an importance matrix.
   * The values are finite; the bytes are zero.
   */
  encodeRow?(x: Float32Array, from: number, columns: number, bytes: Uint8Array, at: number, importance?: Float32Array): void;
  /** Byte offsets of the half-precision scales in a block: they must come out finite. */
  readonly halves?: readonly number[];
}

/** The common part of every ggml encoding: rows of whole blocks, one plane, finite input, finite scales. */
export function blockEncoding(type: BlockType): Encoding {
  const { name, label, description, elements, bytes: blockBytes, decodeBlock, encodeRow } = type;
  const rowBytes = (columns: number) => (columns / elements) * blockBytes;
  return {
    name,
    label,
    description,
    blockElements: elements,
    planes: [{ name: "data", rowBytes }],
    targets: ["gguf"],
    decode([data], rows, columns, out) {
      const blocks = (rows * columns) / elements;
      for (let b = 0; b < blocks; b++) decodeBlock(data, b * blockBytes, out, b * elements);
    },
    encode: encodeRow && ((x, rows, columns, [data], importance) => {
      if (columns % elements !== 0) {
        const message = `${label} needs rows of a multiple of ${elements} weights; this one has ${columns}.`;
        throw new EngineError("bad-request", message);
      }
      checkFinite(x, rows, columns, label);
      const stride = rowBytes(columns);
      data.fill(0, 0, rows * stride);
      for (let row = 0; row < rows; row++) {
        encodeRow(x, row * columns, columns, data, row * stride, importance);
        if (type.halves) checkScales(type, data, row, stride);
      }
    }),
  };
}

/** A scale beyond 65504 became infinite in half precision; llama.cpp refuses such a row too. */
function checkScales({ bytes, label, halves }: BlockType, data: Uint8Array, row: number, stride: number): void {
  for (let at = row * stride; at < (row + 1) * stride; at += bytes) {
    for (const offset of halves!) {
      if ((data[at + offset + 1] & 0x7c) !== 0x7c) continue;
      const sentence = (row: number) => `Row ${row} has values too large for the half-precision scales of ${label}; choose BF16 or keep it.`;
      throw new Unstorable(sentence, row, 0);
    }
  }
}
