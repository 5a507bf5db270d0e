import { parse, type ParseError } from "jsonc-parser";
import { EngineError } from "../core/errors";

/** Steps from the document's root: ["rules", 2, "match"]. */
export type JsonPath = readonly (string | number)[];

/** "rules[2].match"; "the document" for the root. */
export function formatPath(path: JsonPath): string {
  if (path.length === 0) return "the document";
  return path.map((step, i) => (typeof step === "number" ? `[${step}]` : i ? `.${step}` : step)).join("");
}

/** Reads untrusted JSON field by field; every complaint is one "malformed" EngineError that names the field. */
export class JsonReader {
  constructor(
    readonly value: unknown,
    readonly path: JsonPath,
    readonly what: string,
    readonly file?: string,
  ) {}

  /** Text of at most `limit` characters. */
  static parse(text: string, { what, limit, file }: { what: string; limit: number; file?: string }): JsonReader {
    if (text.length > limit)
      throw new EngineError("too-large", `The ${what} is longer than ${limit} characters; is it one?`, { file });
    // Some editors begin a text with the mark of its encoding.
    const bare = text.replace(/^\uFEFF/, "");
    try {
      return new JsonReader(JSON.parse(bare), [], what, file);
    } catch (error) {
      const why = (error as Error).message.replace(/ in JSON at position .*$/s, "");
      throw new EngineError("malformed", `The ${what} is not valid JSON: ${why}, at ${firstFault(bare)}.`, { file });
    }
  }

  fail(expected: string): never {
    throw new EngineError("malformed", `In the ${this.what}, ${formatPath(this.path)} must be ${expected}.`, { file: this.file });
  }

  get present(): boolean {
    return this.value !== undefined;
  }

  #record(): Record<string, unknown> {
    if (typeof this.value !== "object" || this.value === null || Array.isArray(this.value)) this.fail("an object");
    return this.value as Record<string, unknown>;
  }

  /** A field's reader, whether it is there or not. */
  field(name: string): JsonReader {
    const record = this.#record();
    return new JsonReader(Object.hasOwn(record, name) ? record[name] : undefined, [...this.path, name], this.what, this.file);
  }

  /** Complains about fields that nobody knows: most often they are typing errors. */
  only(names: readonly string[]): this {
    for (const name of Object.keys(this.#record())) {
      if (names.includes(name)) continue;
      const place = formatPath([...this.path, name]);
      throw new EngineError("malformed", `In the ${this.what}, ${place} is not known here; there are ${names.join(", ")}.`, {
        file: this.file,
      });
    }
    return this;
  }

  items(limit: number): JsonReader[] {
    if (!Array.isArray(this.value)) this.fail("a list");
    const list = this.value as unknown[];
    if (list.length > limit) this.fail(`a list of at most ${limit} entries`);
    return list.map((value, i) => new JsonReader(value, [...this.path, i], this.what, this.file));
  }

  text(limit = 1000): string {
    if (typeof this.value !== "string" || this.value === "" || this.value.length > limit)
      this.fail(`a text of 1 to ${limit} characters`);
    return this.value as string;
  }

  oneOf<T extends string>(names: readonly T[]): T {
    if (!names.includes(this.value as T)) this.fail(`one of ${names.join(", ")}`);
    return this.value as T;
  }

  /** A whole number in [least, most]. */
  integer(least = 0, most = Number.MAX_SAFE_INTEGER): number {
    const value = this.value as number;
    if (!Number.isSafeInteger(value) || value < least || value > most) this.fail(`a whole number from ${least} to ${most}`);
    return value;
  }

  /** A finite number ≥ 0. */
  amount(): number {
    const value = this.value as number;
    if (typeof value !== "number" || !(value >= 0 && value < Infinity)) this.fail("a number that is not negative");
    return value;
  }

  /** Any object, kept as it is. */
  record(): Record<string, unknown> {
    return { ...this.#record() };
  }
}

/** "line 3, column 14", both from 1, where JSON that cannot be read goes wrong. */
function firstFault(text: string): string {
  const faults: ParseError[] = [];
  parse(text, faults, { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false });
  const before = text.slice(0, faults[0]?.offset ?? text.length).split(/\r\n|[\r\n]/);
  return `line ${before.length}, column ${before[before.length - 1].length + 1}`;
}
