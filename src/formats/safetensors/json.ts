/**
 * A strict JSON reader over bytes that accepts what serde_json accepts: the safetensors library parses its header with it.
 * Differences from JSON.parse that matter here: integers keep 64 bits and differ from floats, duplicate keys are seen, a lone
 * surrogate is refused, nesting is limited to 127, and errors know their byte.
 */

/** serde_json's recursion limit: the 128th open bracket is refused. */
const deepest = 127;

/** What the grammar refuses, at a byte of the text. */
export class JsonError extends Error {
  constructor(
    message: string,
    readonly offset: number,
  ) {
    super(message);
  }
}

/** Valid JSON of the wrong kind; the reader can step back and skip the value. */
export class KindError extends JsonError {}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const space = new Set([0x20, 0x09, 0x0a, 0x0d]);
const escapes: Record<string, string> = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
const numberForm = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/;
const largestU64 = 2n ** 64n - 1n;

/** 0–9 + - . E e */
const isNumeric = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x39) || byte === 0x2b || byte === 0x2d || byte === 0x2e || byte === 0x45 || byte === 0x65;

/** A cursor over UTF-8 bytes. Reading methods skip white space first. */
export class JsonReader {
  position = 0;
  #depth = 0;

  constructor(readonly bytes: Uint8Array) {}

  /** The next byte that is not white space, or −1 at the end. */
  peek(): number {
    while (this.position < this.bytes.length && space.has(this.bytes[this.position])) this.position++;
    return this.position < this.bytes.length ? this.bytes[this.position] : -1;
  }

  end(): void {
    if (this.peek() !== -1) this.fail("unexpected characters after the end");
  }

  /** Calls `entry` after each key, which must read exactly the value. */
  object(entry: (key: string, keyOffset: number) => void): void {
    this.#open(0x7b, "an object");
    if (this.peek() === 0x7d) return this.#close();
    for (;;) {
      if (this.peek() !== 0x22) this.fail("a key must be a string");
      const keyOffset = this.position;
      const key = this.string();
      this.#expect(0x3a, ":");
      entry(key, keyOffset);
      if (this.peek() === 0x7d) return this.#close();
      this.#expect(0x2c, ", or }");
    }
  }

  array(item: (index: number) => void): void {
    this.#open(0x5b, "an array");
    if (this.peek() === 0x5d) return this.#close();
    for (let index = 0; ; index++) {
      item(index);
      if (this.peek() === 0x5d) return this.#close();
      this.#expect(0x2c, ", or ]");
    }
  }

  string(): string {
    if (this.peek() !== 0x22) this.wrongKind("a string");
    const start = ++this.position;
    let at = start;
    let plain = true;
    for (; ; at++) {
      const byte = this.bytes[at];
      if (byte === undefined) this.fail("a string does not end");
      if (byte === 0x22) break;
      if (byte < 0x20) this.fail("a control character inside a string", at);
      if (byte === 0x5c) {
        plain = false;
        at++;
      }
    }
    this.position = at + 1;
    const raw = this.#decode(start, at);
    return plain ? raw : this.#unescape(raw, start);
  }

  /** A non-negative integer below 2^64, written as one (1.0, 1e0 and -0 are floats). A bigint where needed to be exact. */
  unsigned(): number | bigint {
    this.peek();
    const start = this.position;
    const text = this.#number();
    if (!/^[0-9]+$/.test(text)) this.wrongKind("a non-negative integer", start);
    if (text.length < 16) return Number(text);
    const value = BigInt(text);
    if (value > largestU64) this.wrongKind("an integer below 2^64", start);
    return value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
  }

  isNull(): boolean {
    return this.peek() === 0x6e && this.#word("null");
  }

  /** Steps over one value of any kind, checking its grammar. */
  skip(): void {
    const byte = this.peek();
    if (byte === 0x7b) this.object(() => this.skip());
    else if (byte === 0x5b) this.array(() => this.skip());
    else if (byte === 0x22) this.string();
    else if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) this.#number();
    else if (!(this.#word("null") || this.#word("true") || this.#word("false"))) this.fail("expected a value");
  }

  /** Runs `read`; where it finds valid JSON of the wrong kind, steps over the value and returns what was wrong. */
  attempt(read: () => void): KindError | undefined {
    this.peek();
    const start = this.position;
    const depth = this.#depth;
    try {
      read();
      return undefined;
    } catch (error) {
      if (!(error instanceof KindError)) throw error;
      this.position = start;
      this.#depth = depth;
      this.skip();
      return error;
    }
  }

  fail(message: string, offset = this.position): never {
    throw new JsonError(message, offset);
  }

  wrongKind(expected: string, offset = this.position): never {
    if (this.peek() === -1) this.fail("the text ends early");
    throw new KindError(`expected ${expected}`, offset);
  }

  #open(bracket: number, kind: string): void {
    if (this.peek() !== bracket) this.wrongKind(kind);
    if (++this.#depth > deepest) this.fail(`nested more than ${deepest} deep`);
    this.position++;
  }

  #close(): void {
    this.#depth--;
    this.position++;
  }

  #expect(byte: number, shown: string): void {
    if (this.peek() !== byte) this.fail(`expected ${shown}`);
    this.position++;
  }

  #word(word: string): boolean {
    for (let i = 0; i < word.length; i++) if (this.bytes[this.position + i] !== word.charCodeAt(i)) return false;
    this.position += word.length;
    return true;
  }

  #number(): string {
    const start = this.position;
    let at = start;
    while (at < this.bytes.length && isNumeric(this.bytes[at])) at++;
    if (at === start) this.wrongKind("a number");
    const text = String.fromCharCode(...this.bytes.subarray(start, Math.min(at, start + 400)));
    if (at - start > 400 || !numberForm.test(text) || !Number.isFinite(Number(text))) this.fail("not a number that fits");
    this.position = at;
    return text;
  }

  #decode(start: number, end: number): string {
    try {
      return decoder.decode(this.bytes.subarray(start, end));
    } catch {
      this.fail("not valid UTF-8", start);
    }
  }

  #unescape(raw: string, start: number): string {
    return raw.replace(/\\(u[0-9a-fA-F]{4}\\u[0-9a-fA-F]{4}|u[0-9a-fA-F]{4}|.|$)/gsu, (_, code: string) => {
      if (code.length === 11) {
        const high = parseInt(code.slice(1, 5), 16);
        const low = parseInt(code.slice(7), 16);
        if (high >= 0xd800 && high < 0xdc00 && low >= 0xdc00 && low < 0xe000) return String.fromCharCode(high, low);
        return this.#unit(high, start) + this.#unit(low, start);
      }
      if (code.length === 5) return this.#unit(parseInt(code.slice(1), 16), start);
      return escapes[code] ?? this.fail("an unknown escape in a string", start);
    });
  }

  #unit(code: number, start: number): string {
    if (code >= 0xd800 && code < 0xe000) this.fail("half of a surrogate pair in a string", start);
    return String.fromCharCode(code);
  }
}
