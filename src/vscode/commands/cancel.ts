import { nothingToCancel } from "../errors";
import { tell } from "../tell";
import type { Command } from "./command";

export const cancel: Command = {
  id: "bitlens.cancel",
  doing: "Cancelling",
  async run(app) {
    const running = app.documents.all.filter((d) => d.running);
    const measuring = app.documents.all.filter((d) => d.budget.measuring);
    const comparing = app.comparisons.all.filter((c) => c.running);
    for (const { budget } of measuring) budget.cancel();
    if (!running.length && !measuring.length && !comparing.length && !app.exports.running) return tell(nothingToCancel());
    app.exports.cancel();
    await Promise.all([...running, ...comparing].map((one) => one.cancel()));
  },
};
