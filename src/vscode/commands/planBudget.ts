import type { Command } from "./command";
import { targetModel } from "./target";

/** Opens the Budget tab, and measures what its plan needs unless that is remembered. */
export const planBudget: Command = {
  id: "bitlens.planBudget",
  doing: "Planning the bit budget",
  async run(app, given) {
    const model = await targetModel(app, given);
    if (!model) return;
    model.document.showTab("budget");
    await model.document.budget.measure();
  },
};
