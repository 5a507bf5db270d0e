/** How far a long call has come. */
export interface Progress {
  readonly tensorsDone: number;
  readonly tensorsTotal: number;
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** Since the call started. */
  readonly seconds: number;
}
