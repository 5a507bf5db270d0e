import type { Address } from "./address";

/** The compiled kernels of least-squares binary groups; `bits` 0 is ternary, `group` 0 the row. */
export interface BinaryKernels {
  binary_error(x: Address, rows: number, columns: number, bits: number, group: number, scratch: Address): number;
  binary_encode(
    x: Address,
    rows: number,
    columns: number,
    bits: number,
    group: number,
    scratch: Address,
    codes: Address,
    scales: Address,
  ): number;
}

const pattern = /^(?:lsbq([1-6])|ternary)-(?:g(\d+)|row)$/;

/** What the name of a least-squares binary encoding says, as the kernels take it. */
export function binaryOf(name: string): { readonly bits: number; readonly group: number } | undefined {
  const match = pattern.exec(name);
  return match ? { bits: Number(match[1] ?? 0), group: Number(match[2] ?? 0) } : undefined;
}
