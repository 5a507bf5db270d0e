import { EngineError } from "../core/errors";
import type { Format, OutputFile } from "../formats/format";
import type { EngineFiles, OutputPlace } from "./deps";
import type { OpenModel } from "./openModel";

/**
 * A file, by its ending; safetensors models may also go to a folder, which must be new or empty. Throws "bad-request" with
 * what to write instead.
 */
export async function outputPlace(files: EngineFiles, { index }: OpenModel, format: Format, output: string): Promise<OutputPlace> {
  const { path, parent, name } = files.split(output);
  const [ending] = format.extensions;
  const isFile = name.toLowerCase().endsWith(ending) && name.length > ending.length && !/[/\\]$/.test(output);
  const isFolder = await files.isFolder(path);
  if (isFile) {
    if (isFolder) throw new EngineError("bad-request", "The output is an existing folder; name a file.", { file: path });
    return { kind: "file", path, folder: parent, name };
  }
  if (format.name === "safetensors") {
    if (await files.isSame(path, index.folder)) {
      throw new EngineError("bad-request", "The output is the model's own folder; choose the name of a new one.", { file: path });
    }
    return { kind: "folder", path };
  }
  throw new EngineError("bad-request", `A ${format.label} export is a file whose name ends in ${ending}.`, { file: path });
}

/** The source stays as it is, and nothing is replaced but an earlier output of the same name. */
export async function refuseOverwriting(
  files: EngineFiles, { index, folder, name }: OpenModel, place: OutputPlace, outputs: readonly OutputFile[],
): Promise<void> {
  if (place.kind === "folder") return; // new or empty, which `stage` checks
  if (!outputs.some((o) => o.name === place.name)) {
    throw new EngineError("bad-request", "This model is written as several files; name a new folder instead of a file.", { file: place.path });
  }
  const copied = outputs.flatMap((o) => o.segments.flatMap((s) => (s.kind === "copy" ? [s.source] : [])));
  const sources = [...new Set([name, ...index.files, ...copied])].map((f) => files.join(folder.path, f));
  for (const output of outputs) {
    const final = files.join(place.folder, output.name);
    for (const source of sources) {
      if (await files.isSame(final, source)) {
        const instead = output.name === place.name ? "choose another name" : "choose another folder";
        throw new EngineError("bad-request", `The output would replace a file of the model itself; ${instead}.`, { file: final });
      }
    }
    // A companion that carries the output's name belongs to an earlier export; any other file is somebody else's.
    const owned = output.name === place.name || output.name.startsWith(stem(place.name));
    if (!owned && (await files.isSame(place.folder, folder.path))) {
      throw new EngineError("bad-request", `The export also writes ${output.name}, which would speak for the model beside it too; choose another folder.`, {
        file: final,
      });
    }
    if (!owned && (await files.stamp(final)) !== undefined) {
      throw new EngineError("bad-request", "The export writes this file too, and it exists already; choose another folder.", { file: final });
    }
  }
}

/** The folder that holds the output, or will. */
export function folderOf(files: EngineFiles, place: OutputPlace): string {
  return place.kind === "file" ? place.folder : files.split(place.path).parent;
}

/** Throws "io" before anything is written when the disk has too little room. */
export async function requireSpace(files: EngineFiles, place: OutputPlace, byteLength: number): Promise<void> {
  const free = await files.freeBytes(folderOf(files, place));
  if (byteLength > free) {
    throw new EngineError("io", `The export takes ${inWords(byteLength)} and the disk has ${inWords(free)} free; make room or choose another disk.`, {
      file: place.path,
    });
  }
}

const stem = (name: string) => name.replace(/\.[^.]*$/, "") + ".";

function inWords(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`;
}
