/** Listeners told once per frame of everything that changed since. */
export class Changes<State, Aspect> {
  #listeners: ((state: State, changed: ReadonlySet<Aspect>) => void)[] = [];
  #changed = new Set<Aspect>();

  constructor(
    readonly state: State,
    readonly schedule: (run: () => void) => void,
  ) {}

  subscribe(listener: (state: State, changed: ReadonlySet<Aspect>) => void): void {
    this.#listeners.push(listener);
  }

  /** Tells listeners, soon, that these aspects changed. */
  touch(...aspects: Aspect[]): void {
    if (aspects.length === 0) return;
    const idle = this.#changed.size === 0;
    for (const a of aspects) this.#changed.add(a);
    if (idle) this.schedule(() => this.#tell());
  }

  #tell(): void {
    const changed = this.#changed;
    this.#changed = new Set();
    for (const listener of this.#listeners) listener(this.state, changed);
  }
}
