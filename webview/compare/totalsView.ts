import { roleLabel } from "../charts/mapLayout";
import { tableElement } from "../charts/tableElement";
import { fill, h } from "../dom";
import { count, plural, significant } from "../format";
import { sqnrText } from "./measures";
import type { ComparePageState } from "./state";
import { groupTable } from "./tables";

/** Both models as wholes: how much was lost, and where. */
export class TotalsView {
  readonly element = h("div", { class: "overview" });

  update(state: ComparePageState): void {
    const { entries, equal, failed, squaredError, energy, summary, status } = state;
    const compared = entries.length - failed;
    const ratio = entries.some((e) => (e.pair?.nonFinite ?? 0) > 0) ? Infinity : squaredError === 0 ? 0 : squaredError / energy;
    const sqnr = summary?.sqnr ?? (compared === 0 ? NaN : ratio === 0 ? Infinity : -10 * Math.log10(ratio));
    const item = (label: string, value: string, detail: string) =>
      h("div", {}, h("dt", {}, label), h("dd", {}, value), h("dd", { class: "dim" }, detail));
    const unmatched = summary?.unmatched.length;
    fill(
      this.element,
      h("h2", {}, headline(state)),
      h(
        "dl",
        { class: "totals" },
        item("SQNR over all", compared > 0 && sqnr === Infinity ? "∞" : sqnrText(sqnr), "B against A"),
        item("Relative error", compared > 0 ? significant(summary?.relativeSquaredError ?? ratio) : "–", "Σ(a − b)² / Σa²"),
        item("Equal", count(equal), `of ${plural(compared, "pair")}`),
        item("Not compared", unmatched === undefined ? "–" : count(unmatched + failed), failed > 0 ? `${count(failed)} failed` : "tensors"),
      ),
      compared > 0 && squaredError > 0 && [
        h("h3", {}, "By encoding"),
        table(state, "encodings", (pair) => `${pair.a.encodingLabel} → ${pair.b.encodingLabel}`),
        h("h3", {}, "By role"),
        table(state, "role", (pair) => roleLabel(pair.role)),
      ],
      compared > 0 && status.kind !== "running" && squaredError > 0 &&
        h("p", { class: "dim note" }, "Select a pair to see both distributions and the channels that hold most of its error."),
    );
  }
}

const table = (state: ComparePageState, title: string, traitOf: Parameters<typeof groupTable>[2]) =>
  h("div", { class: "scroll-x", tabindex: 0, role: "region", "aria-label": `Error by ${title}` }, tableElement(groupTable(state, title, traitOf)));

/** What a person wants to know first. */
export function headline({ entries, equal, failed, summary, status, squaredError }: ComparePageState): string {
  const compared = entries.length - failed;
  if (status.kind === "failed" && compared === 0) return "Nothing was compared";
  if (status.kind !== "done" || !summary) return compared === 0 ? "Nothing is compared yet" : "So far";
  const left = summary.unmatched.length + failed;
  if (equal === compared && compared > 0) {
    const all = compared === 1 ? "The one pair is equal" : `All ${count(compared)} pairs are equal`;
    return left === 0 ? `The same weights: ${all.toLowerCase()}` : `${all}; ${plural(left, "tensor")} could not be compared`;
  }
  return squaredError > 0 ? "What B lost" : "The values that both have are equal";
}
