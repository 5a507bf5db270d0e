import type { TensorReport } from "../core/series";
import { type Keeper, type Kept, openKept } from "./kept";
import type { OpenModel } from "./openModel";

type Detail = Pick<TensorReport, "output" | "input" | "heat">;

/** Reports that earlier calls measured. What only the view of one layer needs is kept apart: it is most of the bytes. */
export class KeptReports {
  constructor(readonly kept: Kept) {}

  /** `options`: what decides what a report holds. */
  static async open(model: OpenModel, options: readonly string[], keeper: Keeper): Promise<KeptReports | undefined> {
    const kept = await openKept({ model, what: "reports", options }, keeper);
    return kept && new KeptReports(kept);
  }

  async recall(tensor: string, { light = false } = {}): Promise<TensorReport | undefined> {
    const report = (await this.kept.recall(lightName(tensor))) as TensorReport | undefined;
    if (!report || light) return report;
    const detail = (await this.kept.recall(detailName(tensor))) as Detail | undefined;
    return detail && { ...report, ...detail };
  }

  keep(report: TensorReport): void {
    const { output, input, heat, ...rest } = report;
    this.kept.keep(lightName(report.name), rest);
    this.kept.keep(detailName(report.name), { output, input, heat } satisfies Detail);
  }

  settle(): Promise<void> {
    return this.kept.settle();
  }
}

const lightName = (tensor: string) => `light ${tensor}`;
const detailName = (tensor: string) => `detail ${tensor}`;
