import * as fs from "node:fs/promises";
import * as path from "node:path";

/** A rename is durable once its folder is flushed. Not every file system can; the data itself already is. */
export async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await fs.open(folder, "r");
    await handle.sync().finally(() => handle.close());
  } catch {
    // Windows and some network file systems do not open folders.
  }
}

/** The file has either its old content or the new one, whatever happens; on the disk when it resolves. */
export async function replaceFile(file: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}.partial`;
  try {
    const handle = await fs.open(temporary, "wx");
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(temporary, file);
  } catch (error) {
    await fs.rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  await syncFolder(path.dirname(file));
}
