import * as fs from "node:fs/promises";
import * as path from "node:path";
import { toEngineError } from "../core/errors";
import type { EngineFiles } from "../engine/deps";
import { isSameFile, openFolder } from "./files";
import { locate } from "./locate";
import { isStaged, restageOutput, stageOutput, unstageOutput } from "./staging";
import { cacheFolder } from "./storage";

/** Where things about a model are kept: beside it, else in the user's cache. */
const keptPlaces = (folder: string) => [
  path.join(folder, ".bitlens"),
  path.join(cacheFolder(), "models"),
];

/** The file system as the engine sees it. */
export const engineFiles: EngineFiles = {
  locate,
  openFolder,
  isSame: isSameFile,
  stage: stageOutput,
  restage: restageOutput,
  isStaged,
  unstage: unstageOutput,
  join: (folder, name) => path.join(folder, name),
  split(file) {
    const absolute = path.resolve(file);
    return { path: absolute, parent: path.dirname(absolute), name: path.basename(absolute) };
  },
  async readKept(folder, name) {
    for (const place of keptPlaces(folder)) {
      const text = await fs.readFile(path.join(place, name), "utf8").catch(() => undefined);
      if (text !== undefined) return text;
    }
    return undefined;
  },
  async keep(folder, name, text) {
    for (const place of keptPlaces(folder)) {
      const temporary = path.join(place, `.${name}.${process.pid}.partial`);
      try {
        await fs.mkdir(place, { recursive: true });
        await fs.writeFile(temporary, text);
        await fs.rename(temporary, path.join(place, name));
        return;
      } catch {
        await fs.rm(temporary, { force: true }).catch(() => {});
      }
    }
  },
  async stamp(file) {
    try {
      // Not the device: its number may be another after a restart of the machine, and stamps are compared across them.
      const { ino, size, mtimeNs, ctimeNs } = await fs.stat(file, { bigint: true });
      return [ino, size, mtimeNs, ctimeNs].join(":");
    } catch {
      return undefined;
    }
  },
  async isFolder(file) {
    return fs.stat(file).then((s) => s.isDirectory(), () => false);
  },
  async freeBytes(folder) {
    try {
      const { bavail, bsize } = await fs.statfs(folder);
      return bavail * bsize;
    } catch (error) {
      const e = toEngineError(error, { file: folder });
      // `stage` says better what is wrong with a folder that does not exist; file systems without an answer get no check.
      if (e.code === "not-found" || e.code === "io") return Infinity;
      throw e;
    }
  },
};
