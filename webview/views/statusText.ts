import type { Progress } from "../../src/core/api/engine";
import type { FromPanel } from "../../src/core/api/panel";
import { bytesPerSecond } from "../../src/core/pace";
import { bytes, count, duration, plural } from "../format";
import type { PanelState } from "../state";
import type { StatusAction, StatusText } from "./statusLine";

type PanelCommand = Extract<FromPanel, { type: "command" }>["command"];

const exportAction: StatusAction<PanelCommand> = { label: "Export…", command: "export", secondary: true };
const log: StatusAction<PanelCommand> = { label: "Show Log", command: "showLog", secondary: true };

/** Done of a call, 0…1. */
export const shareOf = (p: Progress) =>
  Math.min(1, p.bytesTotal > 0 ? p.bytesDone / p.bytesTotal : p.tensorsTotal > 0 ? p.tensorsDone / p.tensorsTotal : 0);
/** " · 1.1 GB/s", or nothing yet. */
export const rate = (p: Progress) => {
  const speed = bytesPerSecond(p);
  return speed === undefined ? "" : ` · ${bytes(speed)}/s`;
};

/** Of an analysis that has ended. */
function howLong(p: Progress): string {
  const { tensors = 0 } = p.before ?? {};
  if (tensors === 0) return `in ${duration(p.seconds)}${rate(p)}`;
  return tensors === p.tensorsDone ? "remembered from before" : `(${count(tensors)} remembered) in ${duration(p.seconds)}${rate(p)}`;
}

/** One sentence and the buttons for each state the panel can be in. */
export function statusText(state: PanelState): StatusText<PanelCommand> {
  const { status, model } = state;
  const empty = model !== undefined && model.tensors.length === 0;
  if (empty && status.kind !== "failed") {
    return {
      sentence: `This file holds no tensors${model.metadata.length > 0 ? ", only metadata" : ""}: there is nothing to measure or to compress.`,
      tone: "quiet",
      actions: [log],
    };
  }
  switch (status.kind) {
    case "opening":
      return { sentence: "Reading the header…", tone: "busy", actions: [] };
    case "idle":
      return {
        sentence: "Header read. Analyze to see which layers resist quantization.",
        tone: "quiet",
        actions: [{ label: "Analyze", command: "analyse" }, exportAction],
      };
    case "running": {
      const p = status.progress;
      return {
        sentence: `${count(p.tensorsDone)} of ${plural(p.tensorsTotal, "tensor")}${rate(p)}`,
        share: shareOf(p),
        tone: "busy",
        actions: [{ label: "Cancel", command: "cancel" }, exportAction],
      };
    }
    case "done": {
      const p = status.progress;
      const failed = state.entries.filter((e) => e.failure).length;
      return {
        sentence:
          `${plural(p.tensorsDone, "tensor")}, ${bytes(p.bytesDone)} ${howLong(p)}` +
          (failed > 0 ? ` · ${plural(failed, "tensor")} could not be read; the map marks them with a cross` : ""),
        share: 1,
        tone: failed > 0 ? "warning" : "good",
        actions: [
          { label: "Export…", command: "export" },
          { label: "Analyze Again", command: "analyse", secondary: true },
        ],
      };
    }
    case "cancelled": {
      const p = status.progress;
      return {
        sentence: `Stopped after ${count(p.tensorsDone)} of ${plural(p.tensorsTotal, "tensor")}. What was computed stays.`,
        share: shareOf(p),
        tone: "quiet",
        actions: [{ label: "Analyze", command: "analyse" }, exportAction],
      };
    }
    case "failed": {
      const gone = status.error.code === "engine-gone";
      return {
        sentence: placed(status.error),
        tone: "error",
        actions: [
          gone
            ? { label: "Restart Engine", command: "restartEngine" }
            : { label: "Try Again", command: model ? "analyse" : "reload" },
          log,
        ],
      };
    }
    case "engine-restarted":
      return {
        sentence: `${status.message} ${state.reportCount > 0 ? `${plural(state.reportCount, "result")} kept.` : ""}`.trimEnd(),
        share: model && model.tensors.length > 0 ? state.reportCount / model.tensors.length : undefined,
        tone: "warning",
        actions: [{ label: "Resume", command: "analyse" }, log],
      };
  }
}

/** The error with its place, where the sentence does not name it. */
export function placed({ message, place }: { message: string; place: { file?: string; tensor?: string; offset?: number } }): string {
  const where = [
    place.file && !message.includes(place.file) ? place.file : "",
    place.tensor && !message.includes(place.tensor) ? `tensor ${place.tensor}` : "",
    place.offset !== undefined ? `byte ${count(place.offset)}` : "",
  ].filter(Boolean);
  return where.length > 0 ? `${message.replace(/\.$/, "")} (${where.join(", ")}).` : message;
}
