import * as vscode from "vscode";
import type { FormatName } from "../../core/model";
import { nothingToExport } from "../errors";
import type { ModelDocument } from "../modelDocument";
import { tell } from "../tell";
import type { Command } from "./command";
import { targetModel } from "./target";

const formats: readonly FormatName[] = ["safetensors", "gguf", "onnx"];

/** Choices of export are asked for when a header was read; a model that has none never says so. */
const choicesMilliseconds = 10_000;

/**
 * Opens the Budget tab, and measures what its plan needs unless that is remembered. A recipe's hover names the model by its path
 * and the container that it is about.
 */
export const planBudget: Command = {
  id: "bitlens.planBudget",
  doing: "Planning the bit budget",
  async run(app, given, answers) {
    const model = await targetModel(app, typeof given === "string" ? vscode.Uri.file(given) : given);
    if (!model) return;
    const { document, index } = model;
    // Its panel has no tabs.
    if (!index.tensors.length) return tell(nothingToExport(document.name, index.format));
    document.showTab("budget");
    const { target: wanted } = (typeof answers === "object" && answers !== null ? answers : {}) as Record<string, unknown>;
    const target = formats.find((f) => f === wanted);
    if (target) {
      await choicesKnown(document);
      await document.budget.apply({ kind: "target", target });
    }
    await document.measureBudget();
  },
};

async function choicesKnown(document: ModelDocument): Promise<void> {
  if (document.choices) return;
  await new Promise<void>((resolve) => {
    const listener = document.onDidChange(({ kind }) => kind === "choices" && done());
    const timer = setTimeout(done, choicesMilliseconds);
    function done(): void {
      clearTimeout(timer);
      listener.dispose();
      resolve();
    }
  });
}
