import type { Command } from "./command";

export const showLog: Command = {
  id: "bitlens.showLog",
  doing: "Showing the log",
  run: async (app) => app.log.show(),
};
