import type { FromComparePanel } from "../../src/core/api/comparePanel";
import { modelName } from "../names";
import { Page } from "../page";
import { readTheme } from "../theme/theme";
import type { CompareStore } from "./state";

/** A comparison's page: its store and selection. */
export class ComparePanel extends Page {
  constructor(
    readonly store: CompareStore,
    readonly post: (message: FromComparePanel) => void,
  ) {
    super();
  }

  rereadTheme(): void {
    this.theme = readTheme();
    this.store.touch("theme");
  }

  /** Look at a pair. */
  select(pair: string | undefined): void {
    this.store.setView({ selected: pair });
  }

  subject(shown: string | undefined): string {
    const { pathA, pathB } = this.store.state;
    return shown || `${modelName(pathA)}-${modelName(pathB)}`;
  }
}
