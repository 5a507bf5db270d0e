import type { Encoding } from "../encodings/encoding";
import type { Address, Kernels } from "../kernels";

/** What calibration can know of a linear layer's inputs. */
export type StatisticName = "importance" | "hessian";

export interface LayerStatistics {
  /** Mean square of each input channel: `columns` non-negative weights. */
  readonly importance?: Float32Array;
  /** Second moments of the inputs, columns × columns, row-major. */
  readonly hessian?: Float64Array;
}

export interface MethodRequest {
  readonly encoding: Encoding;
  /** rows × columns weights, row-major [out][in]. Not changed. */
  readonly x: Float32Array;
  readonly rows: number;
  readonly columns: number;
  /** One per plane of the encoding, rows·rowBytes bytes each. */
  readonly planes: readonly Uint8Array[];
  readonly statistics?: LayerStatistics;
  /** Fast ways to the same values, with SCRATCH_BYTES of their memory to work in. Results are equal without. */
  readonly kernels?: { readonly kernels: Kernels; readonly scratch: Address };
  /** The method's own options, by name; unknown ones are a "bad-request". */
  readonly options?: Readonly<Record<string, unknown>>;
}

/** Chooses the values that an encoding stores. The encoding says how bytes look; the method says which bytes. */
export interface Method {
  /** Stable name used in recipes and on the command line: "rtn", "lsbq", "pvq". */
  readonly name: string;
  readonly label: string;
  readonly description: string;
  /** Statistics without which it cannot work, and those that it takes into account when there are any. */
  readonly needs: readonly StatisticName[];
  readonly uses: readonly StatisticName[];
  /** Its options by name, and what each may be; the first is taken when none is given. */
  readonly options: Readonly<Record<string, readonly string[]>>;
  supports(encoding: Encoding): boolean;
  /** The name under which kernels may have an encoder with this method's bytes, under its default options, for an encoding it supports. */
  kernel?(encoding: Encoding): string;
  /** Fills the planes. "bad-request" for an encoding it does not support, options it does not know, NaN or infinity. */
  encode(request: MethodRequest): void;
}
