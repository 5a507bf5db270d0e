import type { ModelFolder } from "../core/bytes";
import type { ModelIndex } from "../core/model";
import type { EngineDeps } from "./deps";

/** Headers, and where the bytes are that they speak of. */
interface Content {
  readonly index: ModelIndex;
  readonly folder: ModelFolder;
}

const samples = 512;
const sampleBytes = 256;

/**
 * A name for a model's content that costs no full read: names, shapes, encodings and sizes of all tensors, and 256 bytes from the
 * middle of up to 512 of them, in a digest. The same content elsewhere has the same name. Computed once, when it is first asked for.
 */
export function fingerprintOf(model: Content, digest: EngineDeps["digest"]): () => Promise<string> {
  let known: Promise<string> | undefined;
  return () => {
    if (!known) {
      known = partsOf(model).then(digest);
      // A file that could not be read may be readable the next time.
      known.catch(() => (known = undefined));
    }
    return known;
  };
}

async function partsOf({ index, folder }: Content): Promise<(string | Uint8Array)[]> {
  const parts: (string | Uint8Array)[] = [index.format];
  for (const t of index.tensors) parts.push(`${t.name}|${t.shape.join(",")}|${t.encodingLabel}|${t.byteLength}`);
  const step = Math.max(1, Math.ceil(index.tensors.length / samples));
  const byFile = new Map<number, { offset: number; length: number }[]>();
  for (let i = 0; i < index.tensors.length; i += step) {
    const range = index.tensors[i].storage?.planes[0];
    if (!range) continue;
    if ("inline" in range) parts.push(range.inline.subarray(0, sampleBytes));
    else if (range.byteLength > 0) {
      const length = Math.min(sampleBytes, range.byteLength);
      const offset = range.offset + Math.floor((range.byteLength - length) / 2);
      byFile.set(range.file, [...(byFile.get(range.file) ?? []), { offset, length }]);
    }
  }
  for (const [file, ranges] of [...byFile].sort(([a], [b]) => a - b)) {
    const source = await folder.open(index.files[file]);
    try {
      for (const { offset, length } of ranges) parts.push(await source.read(offset, length));
    } finally {
      await source.close();
    }
  }
  return parts;
}
