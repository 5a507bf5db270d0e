/** How far a long call has come. */
export interface Progress {
  readonly tensorsDone: number;
  readonly tensorsTotal: number;
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** Since the call started. */
  readonly seconds: number;
  /** Of what is done: what earlier calls had done already, so that this one's `seconds` say nothing of it. */
  readonly before?: { readonly tensors: number; readonly bytes: number };
}
