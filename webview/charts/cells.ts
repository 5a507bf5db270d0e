/** Where every tensor's cell lies, in CSS pixels at scale 1, origin at the top left of the cells (labels lie outside). */
export interface MapLayout {
  readonly kind: "layers" | "modules";
  readonly width: number;
  readonly height: number;
  /** x, y, width, height of each tensor's cell, by tensor index. */
  readonly cells: Float32Array;
  readonly rows: readonly Band[];
  readonly columns: readonly Band[];
  /** What each cell may say of its name beside its row's label, by tensor index; where rows are modules. */
  readonly captions?: readonly string[];
}

/** A labelled row or column: where it starts and how far it reaches. */
export interface Band {
  readonly label: string;
  readonly start: number;
  readonly extent: number;
}
