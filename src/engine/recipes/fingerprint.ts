import { Digest } from "../digest";
import type { OpenModel } from "../openModel";

const samples = 512;
const sampleBytes = 256;

/**
 * A name for a model's content that costs no full read: names, shapes, encodings and sizes of all tensors, and 256 bytes from the
 * middle of up to 512 of them, hashed (two 32-bit FNV-1a with different bases). The same content elsewhere has the same name.
 */
export function fingerprintOf(model: OpenModel): Promise<string> {
  let fingerprint = known.get(model);
  if (!fingerprint) {
    fingerprint = compute(model);
    known.set(model, fingerprint);
    // A file that could not be read may be readable the next time.
    fingerprint.catch(() => known.delete(model));
  }
  return fingerprint;
}

/** An open model is another one as soon as a file of it has changed. */
const known = new WeakMap<OpenModel, Promise<string>>();

async function compute({ index, folder }: OpenModel): Promise<string> {
  const hash = new Digest();
  hash.text(index.format);
  for (const t of index.tensors) hash.text(`${t.name}|${t.shape.join(",")}|${t.encodingLabel}|${t.byteLength}`);
  const step = Math.max(1, Math.ceil(index.tensors.length / samples));
  const byFile = new Map<number, { offset: number; length: number }[]>();
  for (let i = 0; i < index.tensors.length; i += step) {
    const range = index.tensors[i].storage?.planes[0];
    if (!range) continue;
    if ("inline" in range) hash.bytes(range.inline.subarray(0, sampleBytes));
    else if (range.byteLength > 0) {
      const length = Math.min(sampleBytes, range.byteLength);
      const offset = range.offset + Math.floor((range.byteLength - length) / 2);
      byFile.set(range.file, [...(byFile.get(range.file) ?? []), { offset, length }]);
    }
  }
  for (const [file, ranges] of [...byFile].sort(([a], [b]) => a - b)) {
    const source = await folder.open(index.files[file]);
    try {
      for (const { offset, length } of ranges) hash.bytes(await source.read(offset, length));
    } finally {
      await source.close();
    }
  }
  return hash.hex();
}
