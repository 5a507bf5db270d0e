import type { ToPanel } from "../core/api/panel";
import type { PlainError } from "../core/errors";
import type { TensorReport } from "../core/series";
import { Outbox } from "./outbox";
import { reportBytes } from "./results";

/** Reports and states on their way to one model's panel. */
export const panelOutbox = (post: (message: ToPanel) => void) =>
  new Outbox({
    latest: ["model", "choices", "budget", "plan", "show", "showTab", "outdated", "status"],
    last: ["status"],
    batch: (reports: readonly TensorReport[], failed: readonly { readonly tensor: string; readonly error: PlainError }[]): ToPanel =>
      ({ type: "reports", reports, failed }),
    maximumItems: 48,
    maximumBytes: 2 ** 20,
    bytesOf: reportBytes,
  }, post);
