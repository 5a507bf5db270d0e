import { type Piece, tag, totalBytes, varint } from "./encode";
import type { Span } from "./proto";

/** Replaces the bytes [start, end) inside the content of `parent`; an insertion where they are equal. */
export interface Edit {
  readonly parent: Span;
  readonly start: number;
  readonly end: number;
  readonly pieces: readonly Piece[];
}

export const replace = (span: Span, pieces: readonly Piece[]): Edit => ({
  parent: span.parent!,
  start: span.start,
  end: span.end,
  pieces,
});
export const insertBefore = (span: Span, pieces: readonly Piece[]): Edit => ({
  parent: span.parent!,
  start: span.start,
  end: span.start,
  pieces,
});
export const append = (parent: Span, pieces: readonly Piece[]): Edit => ({ parent, start: parent.end, end: parent.end, pieces });

/**
 * The file with the edits made: everything else is copied byte for byte, except the lengths of the messages around an edit.
 * Edits must not overlap; those at one place come in their order.
 */
export function rewrite(root: Span, edits: readonly Edit[]): Piece[] {
  const changes = new Map<Span, Change[]>();
  const note = (parent: Span, change: Change) => {
    const list = changes.get(parent);
    if (list) list.push(change);
    else changes.set(parent, [change]);
    return list === undefined;
  };
  for (const edit of edits) {
    let isNew = note(edit.parent, edit);
    // Messages around the edit change their length: each is noted once in the one around it.
    for (let span = edit.parent; isNew && span.parent; span = span.parent)
      isNew = note(span.parent, { start: span.start, end: span.end, span });
  }
  return content(root, changes);
}

type Change = Edit | { readonly start: number; readonly end: number; readonly span: Span };

function content(span: Span, changes: ReadonlyMap<Span, Change[]>): Piece[] {
  const out: Piece[] = [];
  let at = span.body;
  const copyTo = (end: number) => {
    if (end > at) out.push({ kind: "copy", file: 0, offset: at, byteLength: end - at });
  };
  for (const change of (changes.get(span) ?? []).toSorted((a, b) => a.start - b.start || a.end - b.end)) {
    if (change.start < at) throw new Error("edits overlap");
    copyTo(change.start);
    if ("span" in change) {
      const inner = content(change.span, changes);
      out.push(
        { kind: "bytes", bytes: Uint8Array.from([...tag(change.span.number, 2), ...varint(totalBytes(inner))]) },
        ...inner,
      );
    } else out.push(...change.pieces);
    at = change.end;
  }
  copyTo(span.end);
  return out;
}
