import type { ByteSource } from "../../core/bytes";
import type { OutputFile, Segment } from "../format";
import { type Piece, pieceBytes, totalBytes } from "./encode";

/** Copies shorter than this are read while planning and become bytes. */
const shortCopy = 64 * 1024;
const longestBytes = 1024 * 1024;

/** Lays pieces out one after the other. `source` is the model's own file (number 0), `names` its files. */
export async function outputFile(
  name: string,
  pieces: readonly Piece[],
  context: { source: ByteSource; names: readonly string[] },
): Promise<OutputFile> {
  const segments: Segment[] = [];
  let offset = 0;
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  const flush = () => {
    if (pendingBytes === 0) return;
    const bytes = new Uint8Array(pendingBytes);
    let at = 0;
    for (const part of pending) {
      bytes.set(part, at);
      at += part.length;
    }
    segments.push({ kind: "bytes", offset: offset - pendingBytes, bytes });
    pending = [];
    pendingBytes = 0;
  };
  for (const piece of pieces) {
    const length = pieceBytes(piece);
    if (length === 0) continue;
    const isShort = piece.kind === "copy" && piece.file === 0 && length < shortCopy;
    if (piece.kind === "bytes" || isShort) {
      pending.push(piece.kind === "bytes" ? piece.bytes : await context.source.read(piece.offset, length));
      pendingBytes += length;
      offset += length;
      if (pendingBytes >= longestBytes) flush();
      continue;
    }
    flush();
    if (piece.kind === "copy") {
      segments.push({ kind: "copy", offset, byteLength: length, source: context.names[piece.file], sourceOffset: piece.offset });
    } else {
      const { tensor, encoding, plane, arrangement } = piece;
      segments.push({ kind: "plane", offset, byteLength: length, tensor, encoding, plane, arrangement });
    }
    offset += length;
  }
  flush();
  return { name, byteLength: totalBytes(pieces), segments };
}
