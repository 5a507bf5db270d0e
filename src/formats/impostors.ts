import type { ErrorCode } from "../core/errors";

interface Impostor {
  readonly is: (head: Uint8Array, text: string) => boolean;
  readonly code: ErrorCode;
  /** What the file is, and what to do. */
  readonly message: string;
}

/** What downloads leave under a model's name. None of these can begin a file of a format that Bitlens reads. */
const impostors: readonly Impostor[] = [
  {
    is: (head) => head.length === 0,
    code: "truncated",
    message: "The file is empty; download it again.",
  },
  {
    is: (_, text) => text.startsWith("version https://git-lfs.github.com/"),
    code: "not-recognised",
    message: "This is a pointer of Git LFS, not the model itself; fetch the model with “git lfs pull”, or download it.",
  },
  {
    is: (_, text) => /^\s*<(!doctype html|html|\?xml)/i.test(text),
    code: "not-recognised",
    message: "This is a web page saved under a model's name; the download was refused, so sign in there and download it again.",
  },
  {
    // A safetensors header of 67 MB would begin with the same four bytes, and then with zeros and a brace.
    is: (head, text) => text.startsWith("PK\x03\x04") && head[8] !== 0x7b,
    code: "not-recognised",
    message: "This is a ZIP archive, such as PyTorch writes; unpack it, or save the weights as safetensors.",
  },
];

/** What a file that is no model is instead, told by its first 64 bytes; undefined when it may be a model. */
export function findImpostor(head: Uint8Array): Pick<Impostor, "code" | "message"> | undefined {
  const text = String.fromCharCode(...head.subarray(0, 64));
  return impostors.find((impostor) => impostor.is(head, text));
}

/** The beginning of a file for a message: as text where it is some, else as hexadecimal bytes. */
export function describeHead(head: Uint8Array): string {
  const first = head.subarray(0, 8);
  const text = [...first].every((b) => b >= 0x20 && b < 0x7f) ? JSON.stringify(String.fromCharCode(...first)) : undefined;
  return text ?? `the bytes ${[...first].map((b) => b.toString(16).padStart(2, "0")).join(" ")}`;
}
