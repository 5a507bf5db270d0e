import type { Problems } from "./problems";

/**
 * Adds one sentence that says what many tensors beyond a file's end mean together. Comes before their own problems. Of a single
 * tensor its own says enough.
 */
export function noteCut(
  problems: Problems,
  file: { readonly tensors: number; readonly beyond: number; readonly size: number; readonly needed: number },
): void {
  const { tensors, beyond, size, needed } = file;
  if (beyond < 2) return;
  problems.add(
    "incomplete",
    `The file is incomplete: it has ${size} of ${needed} bytes, so that ${beyond} of its ${tensors} tensors cannot be read; download it again.`,
  );
}
