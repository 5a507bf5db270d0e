import type { Encoding } from "../encodings";
import { INFINITE_BITS, type PassContext } from "./passContext";
import type { Tile } from "./passTiles";

/**
 * Encodes a tile into the arena's planes: by the compiled kernel where there is one and it covers these values, by the encoding
 * itself otherwise, which throws where it cannot hold them. `importance` lies in the arena too. Returns views of the arena,
 * good until the next call; works in `spare`.
 */
export function encodeTile(
  context: PassContext,
  encoding: Encoding,
  { x, rows, columns }: Tile,
  importance?: Float32Array,
): readonly Uint8Array[] {
  const { kernels, arena, u8, u32, f32 } = context;
  const addresses: number[] = [];
  let at = arena.planes;
  const planes = encoding.planes.map((plane) => {
    const bytes = Math.ceil(rows * plane.rowBytes(columns));
    addresses.push(at);
    const view = u8.subarray(at, at + bytes);
    at += Math.ceil(bytes / 64) * 64;
    return view;
  });
  const kernel = kernels.encoder(encoding.name);
  if (kernel) {
    kernels.scan(x, rows * columns, arena.out);
    const finite = u32[arena.out / 4 + 3] < INFINITE_BITS;
    if (finite && kernel(x, rows, columns, importance ? arena.importance : 0, arena.spare, ...addresses)) return planes;
  }
  encoding.encode!(f32.subarray(x / 4, x / 4 + rows * columns), rows, columns, planes, importance);
  return planes;
}
