import type { UnmatchedTensor } from "../../src/core/api/compare";
import { tableElement } from "../charts/tableElement";
import { fill, h } from "../dom";
import { plural, shape } from "../format";
import type { CompareAspect, ComparePageState } from "./state";

const reasons: Record<Exclude<UnmatchedTensor["reason"], "missing">, string> = {
  shape: "other shape",
  unreadable: "not decodable",
  order: "order unknown",
};

/** Names stand in columns of their own: of a sentence about two tensors, what is said of them. */
function why({ a, reason, message }: UnmatchedTensor): string {
  if (reason === "missing") return `in ${a ? "A" : "B"} only`;
  return `${reasons[reason]}: ${message.slice(message.indexOf(": ") + 2).replace(/\.$/, "")}`;
}

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
      columns: [{ title: "A" }, { title: "B" }, { title: "reason" }],
      rows: unmatched.map((u) => [tensor(u.a), tensor(u.b), why(u)]),
    });
    fill(
      this.element,
      heading,
      h("p", { class: "note" }, `${plural(unmatched.length, "tensor")} without a counterpart that it could be compared with.`),
      h("div", { class: "scroll-x unmatched", tabindex: 0, role: "region", "aria-label": "Tensors that were not compared" }, table),
    );
  }
}
