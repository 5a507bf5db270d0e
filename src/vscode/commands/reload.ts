import type { Command } from "./command";
import { targetModel } from "./target";

/** Not in the palette's foreground: offered when a file changed on disk. */
export const reload: Command = {
  id: "bitlens.reload",
  doing: "Reloading",
  async run(app, given) {
    const model = await targetModel(app, given);
    await model?.document.reload();
  },
};
