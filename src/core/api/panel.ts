import type { PlainError } from "../errors";
import type { FormatName, ModelIndex, TensorRole } from "../model";
import type { SensitivityTable } from "../sensitivity";
import type { TensorReport } from "../series";
import type { DeviceInfo, EncodingInfo, ExportChoice, Progress, UniformPoint } from "./engine";

/** What the panel is doing, each with a designed appearance. */
export type PanelStatus =
  | { readonly kind: "opening" }
  | { readonly kind: "idle" }
  | { readonly kind: "running"; readonly progress: Progress }
  | { readonly kind: "done"; readonly progress: Progress }
  | { readonly kind: "cancelled"; readonly progress: Progress }
  /** `unopened`: the header itself could not be read; what the panel showed before is void. */
  | { readonly kind: "failed"; readonly error: PlainError; readonly unopened?: true }
  /** The engine died or was restarted; the panel keeps what it has and offers to resume. */
  | { readonly kind: "engine-restarted"; readonly message: string };

/** A file that is no longer as it was when what is shown was read from it. */
export interface OutdatedFile {
  readonly name: string;
  /** No longer on disk; otherwise it has another content. */
  readonly gone: boolean;
}

/** Model facts for the panel: the index without byte ranges, which stay in the engine. */
export type PanelModel = Omit<ModelIndex, "tensors"> & {
  readonly tensors: readonly Omit<ModelIndex["tensors"][number], "storage">[];
};

/** Kept by the webview across hiding and reloads (webview state) and mirrored to the host. */
export interface PanelView {
  readonly tab: "map" | "spectrum" | "bits" | "budget";
  readonly measure: string;
  readonly encoding: string;
  readonly sort: string;
  readonly selected?: string;
  /** Second layer pinned for comparison. */
  readonly pinned?: string;
  readonly zoom?: { readonly x: number; readonly y: number; readonly scale: number };
  /** Direction of `sort`; descending when absent. */
  readonly ascending?: boolean;
  /** Value axis of the layer's histogram; "linear" when absent. */
  readonly axis?: "linear" | "log";
  /** Order of the channel profiles; "index" when absent. */
  readonly order?: "index" | "sorted";
  /** Spectrum: every row squeezed into the view instead of scrolled. */
  readonly fit?: boolean;
  /** Bits: the uniform encoding to compare with; the first choice when absent. */
  readonly target?: string;
  /** Budget: what the size is said in; "bytes" when absent. "gb" and "gib": what a device's memory of so many 10⁹ or 2³⁰ bytes holds. */
  readonly unit?: "bytes" | "bits" | "gb" | "gib";
}

/** Where the bit budget of one target container stands. */
export interface PanelBudget {
  readonly target: FormatName;
  readonly targets: readonly FormatName[];
  readonly state:
    /** Looking whether the errors were measured before. */
    | { readonly kind: "opening" }
    | { readonly kind: "unmeasured"; readonly error?: PlainError }
    | { readonly kind: "measuring"; readonly progress?: Progress }
    | {
        readonly kind: "ready";
        readonly table: SensitivityTable;
        readonly uniforms: readonly UniformPoint[];
        /** Positions of tensors that must share one encoding, because a runtime runs them as one matrix. */
        readonly groups: readonly (readonly number[])[];
      };
}

/** Bits per weight, scales included, that a tensor, or every tensor of a role, may have. */
export interface PanelLimit {
  readonly tensor?: string;
  readonly role?: TensorRole;
  readonly minBits?: number;
  readonly maxBits?: number;
}

/** The best assignment of the size asked for, under the locks and limits. */
export interface PanelPlan {
  readonly target: FormatName;
  /** Size asked for, of all weight files; `byteLength` is the largest reached that is not above, or the smallest possible. */
  readonly fileBytes: number;
  readonly byteLength: number;
  readonly bitsPerWeight: number;
  readonly squaredError: number;
  readonly lowerBound: number;
  readonly exact: boolean;
  /** Files of the smallest and of the most exact assignment that locks and limits allow. */
  readonly minimum: number;
  readonly maximum: number;
  /** By position in the table's tensors: position of the chosen candidate. */
  readonly choices: readonly number[];
  /** Positions of locked tensors. */
  readonly locked: readonly number[];
  readonly limits: readonly PanelLimit[];
  /** The uniform encodings, in the same order, with the locks and limits applied; absent where there are none. */
  readonly uniforms?: readonly UniformPoint[];
  /** Why the last step was not taken: one sentence. */
  readonly refused?: string;
  readonly canUndo: boolean;
  readonly canRedo: boolean;
  /** Bytes and error of best assignments under locks and limits, ascending bytes. */
  readonly curve: readonly (readonly [byteLength: number, squaredError: number])[];
}

export type BudgetAction =
  /** The tab is shown: errors that were measured before open at once. */
  | { readonly kind: "open" }
  | { readonly kind: "measure" }
  | { readonly kind: "cancel" }
  | { readonly kind: "target"; readonly target: FormatName }
  /** Bytes of all weight files. A drag sends many that are not final and are one step of undo. */
  | { readonly kind: "size"; readonly fileBytes: number; readonly final: boolean }
  /** Without an encoding: unlock. */
  | { readonly kind: "lock"; readonly tensor: string; readonly encoding?: string }
  /** Of one tensor or of one role, in place of what was set for it before; without bits: no limit. */
  | ({ readonly kind: "limit" } & PanelLimit)
  /** All locks and limits go. */
  | { readonly kind: "unlockAll" }
  | { readonly kind: "undo" }
  | { readonly kind: "redo" }
  /** Write the plan's recipe. */
  | { readonly kind: "save" }
  | { readonly kind: "export" };

/**
 * Host → webview. Messages between the two travel as JSON with buffers beside it, so NaN and ±Infinity arrive as null; the
 * panel restores them (an absent SQNR with no error is Infinity, any other absent number NaN). The host replays `model`, all
 * `report`s and `status` whenever the webview says "ready".
 */
export type ToPanel =
  | {
      readonly type: "model";
      readonly model: PanelModel;
      readonly device: DeviceInfo;
      readonly encodings: readonly EncodingInfo[];
      /**
       * The host answers "detail", so it may leave `output`, `input` and `heat` out of the reports it streams and replays
       * (hundreds of megabytes for a large model), and the panel may forget them.
       */
      readonly detailOnRequest?: boolean;
      /**
       * The view to restore in a new panel (the file was closed, the window reloaded); what the webview kept itself may be older.
       * Absent when a hidden panel returns.
       */
      readonly view?: PanelView;
      /** Reports that the host holds. 0: what the panel still shows is void, because the file or the encodings changed. */
      readonly measured?: number;
    }
  | { readonly type: "reports"; readonly reports: readonly TensorReport[]; readonly failed: readonly { tensor: string; error: PlainError }[] }
  | { readonly type: "status"; readonly status: PanelStatus }
  /** None: what is shown is what the files hold. */
  | { readonly type: "outdated"; readonly files: readonly OutdatedFile[] }
  | { readonly type: "choices"; readonly choices: readonly ExportChoice[] }
  /** Go to a layer (command Show Layer, tree view). */
  | { readonly type: "show"; readonly tensor: string }
  /** Go to a tab (command Plan Bit Budget). */
  | { readonly type: "showTab"; readonly tab: PanelView["tab"] }
  | { readonly type: "budget"; readonly budget: PanelBudget }
  | { readonly type: "plan"; readonly plan: PanelPlan };

/** Webview → host. */
export type FromPanel =
  | { readonly type: "ready" }
  /** What the header says is on the screen: work that would have kept the panel from it may begin. */
  | { readonly type: "painted" }
  | { readonly type: "select"; readonly tensor: string }
  /** Send this tensor's whole report in a "reports" message. Asked only where `detailOnRequest`. */
  | { readonly type: "detail"; readonly tensor: string }
  | { readonly type: "view"; readonly view: PanelView }
  | { readonly type: "budget"; readonly action: BudgetAction }
  | { readonly type: "command"; readonly command: "analyse" | "cancel" | "export" | "restartEngine" | "showLog" | "reload" }
  /** Save bytes that the panel made (PNG or CSV) through the host's save dialog, or copy text. */
  | { readonly type: "save"; readonly name: string; readonly bytes: Uint8Array }
  | { readonly type: "copy"; readonly text: string };
