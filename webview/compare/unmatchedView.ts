import type { UnmatchedTensor } from "../../src/core/api/compare";
import { tableElement } from "../charts/tableElement";
import { fill, h } from "../dom";
import { plural, shape } from "../format";
import type { CompareAspect, ComparePageState } from "./state";

const reasons: Record<UnmatchedTensor["reason"], string> = {
  missing: "no counterpart",
  shape: "other shape",
  unreadable: "not decodable",
  order: "order unknown",
};

/** What was left out, and why. */
export class UnmatchedView {
  readonly element = h("div", { class: "view scrolls" });

  update(state: ComparePageState, changed: ReadonlySet<CompareAspect>): void {
    if (!changed.has("summary") && !changed.has("models")) return;
    const unmatched = state.summary?.unmatched ?? [];
    const heading = h("h2", { class: "hidden-text" }, "Not compared");
    if (unmatched.length === 0) {
      const words = state.summary ? "Every tensor of each model has a counterpart in the other." : "Known when both models were compared.";
      return fill(this.element, heading, h("p", { class: "message" }, words));
    }
    const tensor = (t: UnmatchedTensor["a"]) => (t ? `${t.name} [${shape(t.shape)}] ${t.encodingLabel}` : "–");
    const table = tableElement({
      caption: "Tensors that were not compared",
      columns: [{ title: "A" }, { title: "B" }, { title: "reason" }, { title: "in words" }],
      rows: unmatched.map((u) => [tensor(u.a), tensor(u.b), reasons[u.reason], u.message]),
    });
    fill(
      this.element,
      heading,
      h("p", { class: "note" }, `${plural(unmatched.length, "tensor")} without a counterpart that it could be compared with.`),
      h("div", { class: "scroll-x unmatched", tabindex: 0, role: "region", "aria-label": "Tensors that were not compared" }, table),
    );
  }
}
