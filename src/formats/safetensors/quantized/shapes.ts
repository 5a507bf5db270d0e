import type { ModelFolder } from "../../../core/bytes";
import type { PlacedTensor, Store } from "../store";

/** Shapes this close together in a file are read at once. */
const gap = 64 * 1024;
const longestRead = 4 * 1024 * 1024;

/**
 * The values of all `<module>.weight_shape` (two integers, the weight's rows and columns). Writers sort by type, so they
 * usually stand together: a few reads fetch all of them.
 */
export async function readShapes(folder: ModelFolder, store: Store): Promise<Map<string, [number, number]>> {
  const suffix = ".weight_shape";
  const wanted = [...store.tensors.values()].filter(
    (t) => t.name.endsWith(suffix) && t.range && t.elementCount === 2 && (t.dtype === "I64" || t.dtype === "I32"),
  );
  const shapes = new Map<string, [number, number]>();
  for (const [file, name] of store.files.entries()) {
    const here = wanted.filter((t) => t.file === file).sort((a, b) => a.range!.offset - b.range!.offset);
    if (!here.length) continue;
    const source = await folder.open(name);
    try {
      for (const run of runs(here)) {
        const start = run[0].range!.offset;
        const last = run[run.length - 1].range!;
        const bytes = await source.read(start, last.offset + last.byteLength - start);
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        for (const tensor of run) {
          const at = tensor.range!.offset - start;
          const value = (i: number) =>
            tensor.dtype === "I64" ? Number(view.getBigInt64(at + 8 * i, true)) : view.getInt32(at + 4 * i, true);
          shapes.set(tensor.name.slice(0, -suffix.length), [value(0), value(1)]);
        }
      }
    } finally {
      await source.close();
    }
  }
  return shapes;
}

function runs(tensors: readonly PlacedTensor[]): PlacedTensor[][] {
  const all: PlacedTensor[][] = [];
  for (const tensor of tensors) {
    const run = all[all.length - 1];
    const start = run?.[0].range!.offset;
    const last = run?.[run.length - 1].range!;
    const end = tensor.range!.offset + tensor.range!.byteLength;
    if (run && tensor.range!.offset - (last.offset + last.byteLength) <= gap && end - start <= longestRead) run.push(tensor);
    else all.push([tensor]);
  }
  return all;
}
