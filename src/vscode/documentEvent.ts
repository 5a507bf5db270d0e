import type { PanelView } from "../core/api/panel";
import type { PlainError } from "../core/errors";
import type { TensorReport } from "../core/series";

/** What changed about an open model. */
export type DocumentEvent =
  | { readonly kind: "model" }
  | { readonly kind: "choices" }
  | { readonly kind: "status" }
  /** Files are no longer what is shown, or are so again. */
  | { readonly kind: "outdated" }
  /** Everything measured before is void. */
  | { readonly kind: "cleared" }
  | { readonly kind: "report"; readonly report: TensorReport }
  | { readonly kind: "failed"; readonly tensor: string; readonly error: PlainError }
  | { readonly kind: "selected"; readonly tensor: string }
  /** Bring the tensor into view. */
  | { readonly kind: "show"; readonly tensor: string }
  | { readonly kind: "showTab"; readonly tab: PanelView["tab"] }
  /** The bit budget's state, or its plan, changed. */
  | { readonly kind: "budget" | "plan" };
