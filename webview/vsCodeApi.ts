/** What VS Code gives a webview's page; to be acquired once. */
export interface VsCodeApi<Message, State> {
  postMessage(message: Message): void;
  /** Survives hiding, and reloading the window. */
  getState(): Partial<State> | undefined;
  setState(state: State): void;
}

declare global {
  function acquireVsCodeApi<Message, State>(): VsCodeApi<Message, State>;
}
