import type { Command } from "./command";
import { targetModel } from "./target";

export const analyze: Command = {
  id: "bitlens.analyze",
  doing: "The analysis",
  async run(app, given) {
    const model = await targetModel(app, given);
    if (!model) return;
    await model.document.analyse();
  },
};
