/** Mean bits per weight of the tensors whose data is there; undefined where none is. */
export function meanBits(tensors: readonly { readonly byteLength: number; readonly elementCount: number }[]): number | undefined {
  let bytes = 0;
  let elements = 0;
  for (const t of tensors) {
    if (t.byteLength === 0) continue;
    bytes += t.byteLength;
    elements += t.elementCount;
  }
  return elements > 0 ? (8 * bytes) / elements : undefined;
}
