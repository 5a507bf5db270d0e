import type { Address } from "./address";

/** The compiled kernels of integer grids; arguments after the columns are what `gridOf` reads from a name. */
export interface GridKernels {
  grid_error(
    x: Address,
    rows: number,
    columns: number,
    bits: number,
    group: number,
    asymmetric: number,
    scaleType: number,
    rule: number,
    scratch: Address,
  ): number;
  grid_encode(
    x: Address,
    rows: number,
    columns: number,
    bits: number,
    group: number,
    asymmetric: number,
    scaleType: number,
    rule: number,
    scratch: Address,
    codes: Address,
    scales: Address,
    zeros: Address,
  ): number;
}

/** The integer grids that the kernels know: codes that fill bytes. */
const grids = /^int([248])-(?:g(\d+)|channel)(-asym)?(?:-(f16|bf16))?(?:-(absmax|extreme))?$/;

/** What a name says, as the kernels take it. */
type GridArguments = [bits: number, group: number, asymmetric: number, scaleType: number, rule: number];

/** Arguments of the grid that an encoding's name says; undefined for other names. */
export function gridOf(name: string): GridArguments | undefined {
  const match = grids.exec(name);
  if (!match) return undefined;
  const [, bits, group, asymmetric, scaleType, rule] = match;
  return [
    Number(bits),
    Number(group ?? 0),
    asymmetric ? 1 : 0,
    ["f16", "bf16"].indexOf(scaleType) + 1,
    ["absmax", "extreme"].indexOf(rule) + 1,
  ];
}
