import type { FromPanel } from "../src/core/api/panel";
import { modelName } from "./names";
import { Page } from "./page";
import type { Store } from "./state";
import { readTheme } from "./theme/theme";

/** A model's page: its store and selection. */
export class Panel extends Page {
  constructor(
    readonly store: Store,
    readonly post: (message: FromPanel) => void,
  ) {
    super();
  }

  rereadTheme(): void {
    this.theme = readTheme();
    this.store.touch("theme");
  }

  /** Select a layer, here and in the host's tree. */
  select(tensor: string | undefined): void {
    if (this.store.state.view.selected === tensor) return;
    this.store.setView({ selected: tensor });
    if (tensor !== undefined) this.post({ type: "select", tensor });
  }

  subject(tensor: string | undefined): string {
    return tensor || modelName(this.store.state.model?.path ?? "model");
  }
}
