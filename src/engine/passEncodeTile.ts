import type { Encoding } from "../encodings";
import { areDefaults, defaultMethod, method as methodNamed } from "../methods";
import { INFINITE_BITS, type PassContext } from "./passContext";
import type { Tile } from "./passTiles";
import type { ChosenMethod } from "./tasks";

export interface EncodeChoices {
  /** It lies in the arena too. */
  readonly importance?: Float32Array;
  readonly method?: ChosenMethod;
}

/**
 * Encodes a tile into the arena's planes by a method: by the compiled kernel where there is one and it covers these values, by
 * the method itself otherwise, which throws where the encoding cannot hold them. Returns views of the arena, good until the next
 * call; works in `spare`.
 */
export function encodeTile(
  context: PassContext,
  encoding: Encoding,
  { x, rows, columns }: Tile,
  { importance, method: chosen }: EncodeChoices = {},
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
  const method = chosen?.name === undefined ? defaultMethod(encoding) : methodNamed(chosen.name);
  const named = method.supports(encoding) && areDefaults(method, chosen?.options) ? method.kernel?.(encoding) : undefined;
  const kernel = named === undefined ? undefined : kernels.encoder(named);
  if (kernel) {
    kernels.scan(x, rows * columns, arena.out);
    const finite = u32[arena.out / 4 + 3] < INFINITE_BITS;
    if (finite && kernel(x, rows, columns, importance ? arena.importance : 0, arena.spare, ...addresses)) return planes;
  }
  method.encode({
    encoding,
    x: f32.subarray(x / 4, x / 4 + rows * columns),
    rows,
    columns,
    planes,
    statistics: importance && { importance },
    kernels: { kernels, scratch: arena.spare },
    options: chosen?.options,
  });
  return planes;
}
