import type { CompareCommand } from "../../src/core/api/comparePanel";
import { bytes, count, duration, plural } from "../format";
import type { StatusAction, StatusText } from "../views/statusLine";
import { placed, rate, shareOf } from "../views/statusText";
import type { ComparePageState } from "./state";

const again: StatusAction<CompareCommand> = { label: "Compare Again", command: "compare", secondary: true };
const log: StatusAction<CompareCommand> = { label: "Show Log", command: "showLog", secondary: true };
const swap: StatusAction<CompareCommand> = { label: "Swap", command: "swap", secondary: true };

/** One sentence and the buttons for each state a comparison can be in. */
export function compareStatusText(state: ComparePageState): StatusText<CompareCommand> {
  const { status, failed, entries, outdated } = state;
  switch (status.kind) {
    case "opening":
      return { sentence: "Reading both headers…", tone: "busy", actions: [{ label: "Cancel", command: "cancel" }] };
    case "idle":
      return { sentence: "Compare to see what the second model lost.", tone: "quiet", actions: [{ label: "Compare", command: "compare" }, swap] };
    case "running": {
      const p = status.progress;
      return {
        sentence: `${count(p.tensorsDone)} of ${plural(p.tensorsTotal, "pair")}${rate(p)}`,
        share: shareOf(p),
        tone: "busy",
        actions: [{ label: "Cancel", command: "cancel" }],
      };
    }
    case "done": {
      const p = status.progress;
      return {
        sentence:
          `${plural(p.tensorsDone, "pair")}, ${bytes(p.bytesDone)} in ${duration(p.seconds)}${rate(p)}` +
          (failed > 0 ? ` · ${plural(failed, "pair")} could not be compared; the list ends with them` : ""),
        share: 1,
        tone: failed > 0 ? "warning" : "good",
        // The notice about changed files has the button to compare again.
        actions: [{ label: "Open as Text", command: "text", secondary: true }, swap, ...(outdated.length ? [] : [again])],
      };
    }
    case "cancelled": {
      const p = status.progress;
      return {
        sentence: `Stopped after ${count(p.tensorsDone)} of ${plural(p.tensorsTotal, "pair")}. What was compared stays.`,
        share: shareOf(p),
        tone: "quiet",
        actions: [{ ...again, secondary: false }, swap],
      };
    }
    case "failed":
      return {
        sentence: placed(status.error),
        tone: "error",
        actions: status.error.code === "engine-gone"
          ? [{ label: "Restart Engine", command: "restartEngine" }, log]
          : [{ label: "Try Again", command: "compare" }, { label: "Choose Another…", command: "choose", secondary: true }, log],
      };
    case "engine-restarted":
      return {
        sentence: `${status.message} ${entries.length > 0 ? `${plural(entries.length, "pair")} kept.` : ""}`.trimEnd(),
        tone: "warning",
        actions: [{ ...again, secondary: false }, log],
      };
  }
}
