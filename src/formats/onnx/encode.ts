import type { ArrangementName } from "../format";

/** A stretch of a file to be written: new bytes, bytes of a source file, or a plane of an encoded tensor. */
export type Piece =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "copy"; readonly file: number; readonly offset: number; readonly byteLength: number }
  | {
      readonly kind: "plane";
      readonly byteLength: number;
      readonly tensor: string;
      readonly encoding: string;
      readonly plane: number;
      readonly arrangement: "rows" | ArrangementName;
    };

export const pieceBytes = (piece: Piece): number => (piece.kind === "bytes" ? piece.bytes.length : piece.byteLength);
export const totalBytes = (pieces: readonly Piece[]): number => pieces.reduce((sum, p) => sum + pieceBytes(p), 0);

const encoder = new TextEncoder();

/** A non-negative number below 2^53 as a varint. */
export function varint(value: number): number[] {
  const out: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) out.push((value % 128) | 128);
  out.push(value);
  return out;
}

export const tag = (number: number, wire: number): number[] => varint(number * 8 + wire);
const bytes = (...parts: readonly number[][]): Piece => ({ kind: "bytes", bytes: Uint8Array.from(parts.flat()) });

/** A varint field. */
export const intField = (number: number, value: number): Piece => bytes(tag(number, 0), varint(value));

/** A string or bytes field whose content is at hand. */
export function bytesField(number: number, content: string | Uint8Array): Piece {
  const data = typeof content === "string" ? encoder.encode(content) : content;
  const head = [...tag(number, 2), ...varint(data.length)];
  const out = new Uint8Array(head.length + data.length);
  out.set(head);
  out.set(data, head.length);
  return { kind: "bytes", bytes: out };
}

/** A length-delimited field around pieces: a message, or raw data that is written later. */
export function field(number: number, content: readonly Piece[]): Piece[] {
  return [bytes(tag(number, 2), varint(totalBytes(content))), ...content];
}

export interface NodeParts {
  readonly op: string;
  readonly domain?: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Integers only. */
  readonly attributes?: Record<string, number>;
}

/** A NodeProto as that field of a graph (1) or of a function (7). */
export function node(parts: NodeParts, number: 1 | 7): Piece[] {
  return field(number, [
    ...parts.inputs.map((name) => bytesField(1, name)),
    ...parts.outputs.map((name) => bytesField(2, name)),
    ...(parts.name ? [bytesField(3, parts.name)] : []),
    bytesField(4, parts.op),
    ...Object.entries(parts.attributes ?? {}).flatMap(([name, value]) =>
      field(5, [bytesField(1, name), intField(3, value), intField(20, 2)]),
    ),
    ...(parts.domain ? [bytesField(7, parts.domain)] : []),
  ]);
}

/** External data of a TensorProto: location, offset, length, and the flag that says so. */
export function externalFields(place: { location: string; offset: number; length: number }): Piece[] {
  const entries = { location: place.location, offset: String(place.offset), length: String(place.length) };
  return [
    ...Object.entries(entries).flatMap(([key, value]) => field(13, [bytesField(1, key), bytesField(2, value)])),
    intField(14, 1),
  ];
}
