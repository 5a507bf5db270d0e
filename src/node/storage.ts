import * as os from "node:os";
import * as path from "node:path";

/** The user's cache, for what is worth keeping beyond a process and may be lost. */
export const cacheFolder = () => path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache"), "bitlens");
