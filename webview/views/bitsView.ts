import type { EncodingInfo, ExportChoice } from "../../src/core/api/engine";
import { formatLabels } from "../../src/core/model";
import type { SensitivityTable } from "../../src/core/sensitivity";
import { bitsPlan, kinds } from "../bitsPlan";
import { bitsChart, bitsHead, bitsRowHeight, kindColour, type BitsData } from "../charts/bits";
import { ChartFrame } from "../charts/frame";
import { fill, h, setText } from "../dom";
import { bits, bytes, change, plural } from "../format";
import type { Panel } from "../panel";
import { encodingOptions, type Aspect, type PanelState } from "../state";
import { button, dropdown } from "../ui";

/** What to do about it? Bytes per layer today and under one encoding for all. */
export class BitsView {
  readonly element: HTMLElement;
  readonly #panel: Panel;
  readonly #frame: ChartFrame<BitsData, number>;
  readonly #target: ReturnType<typeof dropdown>;
  readonly #totals = h("dl", { class: "totals" });
  readonly #note = h("p", { class: "dim note" });
  readonly #key = h("ul", { class: "key", "aria-label": "Kinds of tensors" });
  #data: BitsData | undefined;
  #stage: HTMLElement;

  constructor(panel: Panel) {
    this.#panel = panel;
    this.#target = dropdown({ label: "All matrices as", onChange: (target) => panel.store.setView({ target }) });
    this.#frame = new ChartFrame(panel, bitsChart, {
      heading: "Bytes per layer: today above, then below",
      class: "bits-chart",
      onSelect: (i) => {
        const row = this.#data?.plan.rows[i];
        const name = row && (row.worstTensor ?? panel.store.state.entries[row.members[0]]?.tensor.name);
        if (name) panel.select(name);
      },
    });
    this.#stage = this.#frame.canvas.parentElement!;
    this.element = h(
      "div",
      { class: "view scrolls" },
      h("h2", { class: "hidden-text" }, "Bits"),
      h(
        "div",
        { class: "controls" },
        this.#target.element,
        button({ label: "Export…", secondary: true, onPress: () => panel.post({ type: "command", command: "export" }) }),
      ),
      this.#totals,
      this.#key,
      this.#frame.element,
      this.#note,
    );
  }

  update(state: PanelState, _changed: ReadonlySet<Aspect>): void {
    if (state.view.tab !== "bits") return;
    const options = targets(state);
    const chosen =
      options.find((o) => o.id === state.view.target) ??
      (state.choices.length > 0 ? options[0] : options.find((o) => o.id === state.view.encoding));
    this.#target.set(
      options.map((o) => ({ value: o.id, label: o.label })),
      chosen?.id ?? "",
    );
    const target = chosen?.encoding;
    const choice = chosen?.choice;
    const table = tableOf(state, choice);
    const plan = bitsPlan(state.entries, { encoding: target, choice, encodings: state.encodings, table });
    this.#data = { plan, target: target?.label ?? "–" };
    const after = choice?.byteLength ?? plan.after;
    const changed = choice?.tensorCount ?? plan.changed;
    const afterBits = choice?.bitsPerWeight ?? (plan.elements > 0 ? (8 * plan.after) / plan.elements : NaN);
    const item = (label: string, value: string, detail: string) =>
      h("div", {}, h("dt", {}, label), h("dd", {}, value), h("dd", { class: "dim" }, detail));
    fill(
      this.#totals,
      item("Today", bytes(plan.before), bits(plan.elements > 0 ? (8 * plan.before) / plan.elements : NaN)),
      item(`As ${target?.label ?? "–"}`, bytes(after), bits(afterBits)),
      item(
        "Change",
        change(plan.before, after),
        `${plural(changed, "tensor")} of ${state.entries.length.toLocaleString("en-US")}`,
      ),
    );
    setText(
      this.#note,
      choice
        ? "The total is what an export writes; bars add up the tensors. What the format keeps unquantized stays as it is." +
            missing(plan.unmeasured, choice, table !== undefined)
        : "Predicted from block sizes: vectors, and matrices whose rows do not fit the encoding's blocks, stay as they are.",
    );
    const used = kinds.map((_, k) => plan.rows.some((r) => r.before[k] > 0));
    fill(
      this.#key,
      kinds.flatMap((kind, k) => (used[k] ? [this.#keyItem(kind, k)] : [])),
    );
    this.#stage.style.height = `${bitsHead + plan.rows.length * bitsRowHeight + 4}px`;
    this.#frame.update(this.#data, true);
  }

  #keyItem(kind: string, k: number): HTMLElement {
    const swatch = h("span", { class: "swatch", "aria-hidden": "true" });
    swatch.style.background = kindColour({ theme: this.#panel.theme }, k);
    return h("li", {}, swatch, kind);
  }
}

/** The budget's errors, where they are of the container that the choice is for. */
function tableOf({ budget, model }: PanelState, choice: ExportChoice | undefined): SensitivityTable | undefined {
  return budget?.state.kind === "ready" && budget.state.table.target === (choice?.format ?? model?.format) ? budget.state.table : undefined;
}

/** Why layers have no worst SQNR. */
function missing(tensors: number, { format }: ExportChoice, isBudgetMeasured: boolean): string {
  if (tensors === 0) return "";
  const budget = isBudgetMeasured ? "" : `, and Budget, exporting to ${formatLabels[format]}, those that it chooses from`;
  return ` The worst SQNR is left out where an error is not measured (${plural(tensors, "tensor")}): the analysis measures the encodings of the settings${budget}.`;
}

interface Target {
  readonly id: string;
  readonly label: string;
  readonly encoding: EncodingInfo;
  readonly choice?: ExportChoice;
}

/** What the model can be exported as, in its own container or another; before the host says so, every encoding. */
function targets(state: PanelState): readonly Target[] {
  if (state.choices.length === 0) {
    const offered = new Set(encodingOptions(state).map((o) => o.value));
    return state.encodings
      .filter((e) => offered.has(e.name))
      .map((e) => ({ id: e.name, label: `${e.label} · ${bits(e.bitsPerWeight)}`, encoding: e }));
  }
  const known = new Map(state.encodings.map((e) => [e.name, e]));
  return state.choices.map((choice) => {
    const foreign = choice.format !== state.model?.format;
    return {
      id: foreign ? `${choice.format}:${choice.encoding}` : choice.encoding,
      label: `${choice.label}${foreign ? ` (${choice.format})` : ""} · ${bits(choice.bitsPerWeight)}`,
      encoding: known.get(choice.encoding) ?? {
        name: choice.encoding,
        label: choice.label,
        bitsPerWeight: choice.bitsPerWeight,
        blockElements: 1,
        targets: [choice.format],
        description: choice.description,
      },
      choice,
    };
  });
}
