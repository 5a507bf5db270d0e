import type { CompareCommand, CompareState, FromComparePanel } from "../core/api/comparePanel";
import type { BudgetAction, FromPanel, PanelView } from "../core/api/panel";
import type { FormatName } from "../core/model";
import { parseLimit } from "./budgetState";

/** Largest picture or table that the panel may hand over. A canvas of 8,000 × 8,000 pixels as PNG stays far below. */
const maximumSaveBytes = 128 * 2 ** 20;
/** Longest text for the clipboard: the table of 3,000 tensors takes about 1 MB. */
const maximumCopyLength = 32 * 2 ** 20;
/** Names come from model files, whose formats allow more; the panel never needs more. */
const maximumNameLength = 2 ** 16;

const commands = ["analyse", "cancel", "export", "restartEngine", "showLog", "reload"] as const;
const tabs = ["map", "spectrum", "bits", "budget"] as const;
const units = ["bytes", "bits", "gb", "gib"] as const;
const formats: readonly FormatName[] = ["safetensors", "gguf", "onnx"];
const plainActions = ["open", "measure", "cancel", "unlockAll", "undo", "redo", "save", "export"] as const;

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value);
const isName = (value: unknown): value is string => typeof value === "string" && value.length <= maximumNameLength;
const isFinite = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);

/** The message, checked and copied field by field, or undefined when it is not one of ours. */
export function parseFromPanel(value: unknown): FromPanel | undefined {
  if (!isFields(value)) return undefined;
  switch (value.type) {
    case "ready":
      return { type: "ready" };
    case "painted":
      return { type: "painted" };
    case "select":
      return isName(value.tensor) ? { type: "select", tensor: value.tensor } : undefined;
    case "detail":
      return isName(value.tensor) ? { type: "detail", tensor: value.tensor } : undefined;
    case "view": {
      const view = parseView(value.view);
      return view && { type: "view", view };
    }
    case "budget": {
      const action = parseBudgetAction(value.action);
      return action && { type: "budget", action };
    }
    case "command": {
      const command = commands.find((c) => c === value.command);
      return command && { type: "command", command };
    }
    default:
      return parsePageMessage(value);
  }
}

const compareCommands: readonly CompareCommand[] = ["compare", "cancel", "swap", "choose", "text", "restartEngine", "showLog"];

/** The same for the panel of a comparison. */
export function parseFromComparePanel(value: unknown): FromComparePanel | undefined {
  if (!isFields(value)) return undefined;
  switch (value.type) {
    case "ready":
      return { type: "ready" };
    case "detail":
      return isName(value.pair) ? { type: "detail", pair: value.pair } : undefined;
    case "command": {
      const command = compareCommands.find((c) => c === value.command);
      return command && { type: "command", command };
    }
    default:
      return parsePageMessage(value);
  }
}

/** Which models a page that comes back after a reload was about; its view stays its own. */
export function parseCompareState(value: unknown): Pick<CompareState, "pathA" | "pathB"> | undefined {
  if (!isFields(value) || !isName(value.pathA) || !isName(value.pathB) || !value.pathA || !value.pathB) return undefined;
  return { pathA: value.pathA, pathB: value.pathB };
}

/** What every page may ask for. */
function parsePageMessage(value: Fields): Extract<FromPanel, { type: "save" | "copy" }> | undefined {
  if (value.type === "save") {
    const bytes = asBytes(value.bytes);
    return isName(value.name) && bytes && bytes.byteLength <= maximumSaveBytes
      ? { type: "save", name: fileName(value.name), bytes }
      : undefined;
  }
  return value.type === "copy" && typeof value.text === "string" && value.text.length <= maximumCopyLength
    ? { type: "copy", text: value.text }
    : undefined;
}

function parseBudgetAction(value: unknown): BudgetAction | undefined {
  if (!isFields(value)) return undefined;
  switch (value.kind) {
    case "target": {
      const target = formats.find((f) => f === value.target);
      return target && { kind: "target", target };
    }
    case "size":
      return isFinite(value.fileBytes) && value.fileBytes >= 0 && typeof value.final === "boolean"
        ? { kind: "size", fileBytes: value.fileBytes, final: value.final }
        : undefined;
    case "lock":
      if (!isName(value.tensor) || (value.encoding !== undefined && !isName(value.encoding))) return undefined;
      return { kind: "lock", tensor: value.tensor, ...(value.encoding === undefined ? {} : { encoding: value.encoding }) };
    case "limit": {
      const { kind: _kind, ...limit } = value;
      const parsed = isName(limit.tensor ?? "") ? parseLimit(limit) : undefined;
      return parsed && { kind: "limit", ...parsed };
    }
    default: {
      const kind = plainActions.find((k) => k === value.kind);
      return kind && { kind };
    }
  }
}

/** A stored or received view, or undefined. Unknown fields are dropped. */
export function parseView(value: unknown): PanelView | undefined {
  if (!isFields(value)) return undefined;
  const tab = tabs.find((t) => t === value.tab);
  if (!tab || !isName(value.measure) || !isName(value.encoding) || !isName(value.sort)) return undefined;
  const { zoom } = value;
  const unit = units.find((u) => u === value.unit);
  return {
    tab,
    measure: value.measure,
    encoding: value.encoding,
    sort: value.sort,
    ...(isName(value.selected) ? { selected: value.selected } : {}),
    ...(isName(value.pinned) ? { pinned: value.pinned } : {}),
    ...(isFields(zoom) && isFinite(zoom.x) && isFinite(zoom.y) && isFinite(zoom.scale) && zoom.scale > 0
      ? { zoom: { x: zoom.x, y: zoom.y, scale: zoom.scale } }
      : {}),
    ...(typeof value.ascending === "boolean" ? { ascending: value.ascending } : {}),
    ...(value.axis === "linear" || value.axis === "log" ? { axis: value.axis } : {}),
    ...(value.order === "index" || value.order === "sorted" ? { order: value.order } : {}),
    ...(typeof value.fit === "boolean" ? { fit: value.fit } : {}),
    ...(isName(value.target) ? { target: value.target } : {}),
    ...(unit ? { unit } : {}),
  };
}

/** Bytes arrive as a typed array, or as a bare buffer from hosts that unwrap it. */
function asBytes(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return undefined;
}

/** The last part of a proposed name, without what file systems refuse. */
export function fileName(name: string): string {
  const last = name.split(/[\\/]/).pop() ?? "";

  const clean = last
    .replace(/[\u0000-\u001f<>:"|?*]/g, "-")
    .replace(/^\.+/, "")
    .slice(-200);
  return clean || "bitlens";
}
