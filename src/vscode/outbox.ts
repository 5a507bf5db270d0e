/** Between two posts: twenty a second are as smooth as an eye asks for, and leave the host's loop free. */
const pauseMilliseconds = 50;

/** How a panel's messages are batched. */
export interface OutboxPlan<Message extends { readonly type: string }, Latest extends Message["type"], Item, Failure> {
  /** Kinds of which only the latest matters, in the order they are sent; the first of them before the items. */
  readonly latest: readonly Latest[];
  /** Those of them that must not overtake the items they speak of. */
  readonly last: readonly Latest[];
  batch(items: readonly Item[], failed: readonly Failure[]): Message;
  /** Of items in one message: serialising so many, or so many bytes of arrays, takes the host about five milliseconds. */
  readonly maximumItems: number;
  readonly maximumBytes: number;
  bytesOf(item: Item): number;
}

/**
 * Messages on their way to one webview: batched, at most one post per pause, a newer status replacing an unsent one.
 * Nothing is posted while closed (a hidden webview loses messages); `open` starts over with whatever is put in next.
 */
export class Outbox<Message extends { readonly type: string }, Latest extends Message["type"], Item, Failure> {
  readonly #post: (message: Message) => void;
  readonly #plan: OutboxPlan<Message, Latest, Item, Failure>;
  readonly #latest = new Map<Latest, Message>();
  #items: Item[] = [];
  #failures: Failure[] = [];
  #timer: NodeJS.Timeout | undefined;
  #open = false;

  constructor(plan: OutboxPlan<Message, Latest, Item, Failure>, post: (message: Message) => void) {
    this.#plan = plan;
    this.#post = post;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** The webview listens: forgets what was queued; the caller replays everything. */
  open(): void {
    this.close();
    this.#open = true;
  }

  close(): void {
    this.#open = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#latest.clear();
    this.#items = [];
    this.#failures = [];
  }

  /** Replaces an unsent message of the same kind. */
  put(message: Extract<Message, { readonly type: Latest }>): void {
    if (!this.#open) return;
    this.#latest.set(message.type, message);
    this.#schedule();
  }

  report(...items: readonly Item[]): void {
    if (!this.#open) return;
    for (const item of items) this.#items.push(item);
    this.#schedule();
  }

  fail(...failures: readonly Failure[]): void {
    if (!this.#open) return;
    for (const failure of failures) this.#failures.push(failure);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#timer) return;
    // The first message after a silence goes at once, so that the first paint waits for nothing.
    this.#timer = setTimeout(() => this.#flush(), 0);
  }

  #flush(): void {
    const { latest, last, batch } = this.#plan;
    this.#send(latest[0]);
    const items = this.#takeItems();
    const failed = this.#failures.splice(0);
    if (items.length || failed.length) this.#post(batch(items, failed));
    for (const kind of latest) if (!this.#items.length || !last.includes(kind)) this.#send(kind);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#items.length || this.#failures.length || this.#latest.size) this.#flush();
    }, pauseMilliseconds);
  }

  #send(kind: Latest): void {
    const message = this.#latest.get(kind);
    this.#latest.delete(kind);
    if (message) this.#post(message);
  }

  #takeItems(): Item[] {
    const { maximumItems, maximumBytes, bytesOf } = this.#plan;
    let bytes = 0;
    let n = 0;
    const most = Math.min(this.#items.length, maximumItems);
    while (n < most && (n === 0 || bytes < maximumBytes)) bytes += bytesOf(this.#items[n++]);
    return this.#items.splice(0, n);
  }
}
