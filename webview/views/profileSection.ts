import type { TensorReport } from "../../src/core/series";
import { ChartFrame } from "../charts/frame";
import { profile, sortedChannels, type ProfileData } from "../charts/profile";
import { h, setText, toggle } from "../dom";
import { count } from "../format";
import type { Panel } from "../panel";
import { iconButton } from "../ui";

/** Channels of one direction, with the pinned layer's below on the same scale of ratios. */
export class ProfileSection {
  readonly element: HTMLElement;
  readonly #direction: "output" | "input";
  readonly #frame: ChartFrame<ProfileData, number>;
  readonly #pinned: ChartFrame<ProfileData, number>;
  readonly #counts = h("p", { class: "dim counts" });
  readonly #order: ReturnType<typeof iconButton>;
  #sorted = new WeakMap<Float32Array, Uint32Array>();

  constructor(panel: Panel, direction: "output" | "input") {
    this.#direction = direction;
    const { store } = panel;
    this.#order = iconButton({
      icon: "down",
      label: `Sort ${direction} channels by size`,
      pressed: false,
      onPress: () => store.setView({ order: store.state.view.order === "sorted" ? "index" : "sorted" }),
    });
    this.#frame = new ChartFrame(
      panel,
      { ...profile, name: `${direction}-channels`, title: `${direction} channels` },
      { class: "profile", heading: `${direction === "output" ? "Output" : "Input"} channels, |w| max`, tools: this.#order },
    );
    this.#pinned = new ChartFrame(
      panel,
      { ...profile, name: `${direction}-channels`, title: `pinned ${direction} channels` },
      { class: "profile", heading: `Pinned: ${direction} channels` },
    );
    this.element = h("section", { class: "block" }, this.#frame.element, this.#counts, this.#pinned.element);
  }

  show(
    name: string,
    report: TensorReport,
    pinned: { name: string; report: TensorReport } | undefined,
    order: "index" | "sorted",
  ): void {
    toggle(this.element, report.outliers !== undefined);
    if (!report.outliers) return;
    const outliers = report.outliers[this.#direction];
    setText(
      this.#counts,
      `▲ ≥ 4×: ${count(outliers.over4)}   △ ≥ 2×: ${count(outliers.over2)}   · ≥ 1.5×: ${count(outliers.over1_5)}`,
    );
    this.#order.setPressed(order === "sorted");
    const other = pinned?.report.outliers?.[this.#direction];
    const highest = (o: typeof other) => (o && Number.isFinite(o.channels[0]?.ratio) ? o.channels[0].ratio : 1);
    const top = Math.max(2, highest(outliers), highest(other));
    this.#update(this.#frame, name, report, order, top);
    toggle(this.#pinned.element, pinned?.report[this.#direction] !== undefined);
    if (pinned) this.#update(this.#pinned, pinned.name, pinned.report, order, top);
  }

  #update(
    frame: ChartFrame<ProfileData, number>,
    name: string,
    report: TensorReport,
    order: "index" | "sorted",
    top: number,
  ): void {
    const channels = report[this.#direction];
    if (!channels || !report.outliers) return;
    frame.element.dataset.subject = name;
    let sorted = order === "sorted" ? this.#sorted.get(channels.absMax) : undefined;
    if (order === "sorted" && !sorted) this.#sorted.set(channels.absMax, (sorted = sortedChannels(channels)));
    frame.update({
      name,
      direction: this.#direction,
      profile: channels,
      outliers: report.outliers[this.#direction],
      order,
      channels: sorted,
      top,
    });
  }
}
