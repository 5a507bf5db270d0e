/** Headers differ by some bytes with the choice: so often a plan is laid out. */
const attempts = 6;

/** A plan by the table's count of its bytes, and its error. */
export interface CountedPlan {
  readonly counted: number;
  readonly error: number;
}

/**
 * The plan of least error whose file, laid out to the last byte, is at most as large as wanted. The table counts tensors alone and
 * one set of headers, so each layout says by how much the next plan may be larger, or must be smaller. Where not even the
 * smallest fits, that one. `smallest`: the least count; `solve` gives the best plan of at most so many counted bytes.
 */
export async function fitToFile<P extends CountedPlan>(options: {
  readonly wanted: number;
  readonly smallest: number;
  readonly solve: (counted: number) => P;
  readonly layOut: (plan: P) => Promise<number>;
}): Promise<{ readonly plan: P; readonly fileBytes: number }> {
  const { wanted, smallest, solve, layOut } = options;
  let best: { readonly plan: P; readonly fileBytes: number } | undefined;
  let last: { readonly plan: P; readonly fileBytes: number } | undefined;
  let allowed = Math.max(wanted, smallest);
  for (let i = 0; i < attempts; i++) {
    const plan = solve(allowed);
    const fileBytes = await layOut(plan);
    const fits = fileBytes <= wanted;
    last = { plan, fileBytes };
    if (fits && (!best || plan.error < best.plan.error)) best = last;
    const headers = fileBytes - plan.counted;
    // Too large: at least so much smaller, whatever its headers were.
    const next = Math.max(smallest, fits ? wanted - headers : Math.min(wanted - headers, allowed - (fileBytes - wanted)));
    if (next === allowed || (best && next < allowed) || (best && !fits)) break;
    allowed = next;
  }
  if (best || last!.plan.counted <= smallest) return best ?? last!;
  const plan = solve(smallest);
  return { plan, fileBytes: await layOut(plan) };
}
