import * as fs from "node:fs/promises";
import * as path from "node:path";
import { toEngineError } from "../core/errors";
import type { EngineFiles } from "../engine/deps";
import { isSameFile, openFolder } from "./files";
import { locate } from "./locate";
import { stageOutput } from "./staging";

/** The file system as the engine sees it. */
export const engineFiles: EngineFiles = {
  locate,
  openFolder,
  isSame: isSameFile,
  stage: stageOutput,
  join: (folder, name) => path.join(folder, name),
  split(file) {
    const absolute = path.resolve(file);
    return { path: absolute, parent: path.dirname(absolute), name: path.basename(absolute) };
  },
  async stamp(file) {
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = await fs.stat(file, { bigint: true });
      return [dev, ino, size, mtimeNs, ctimeNs].join(":");
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
