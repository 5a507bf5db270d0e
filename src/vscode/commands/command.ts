import type { App } from "../app";

/** A contributed command. What it throws is told to the person; "cancelled" is not. */
export interface Command {
  readonly id: string;
  /** What is being done, to begin an error message with. */
  readonly doing: string;
  run(app: App, ...args: unknown[]): Promise<unknown>;
}
