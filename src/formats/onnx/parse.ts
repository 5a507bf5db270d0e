import type { ByteSource } from "../../core/bytes";
import { EngineError } from "../../core/errors";
import type { Message, ModelProto, Run, Span } from "./proto";
import { type Field, model, noElements, type Schema } from "./schema";
import { longestHeader, Window, wireType } from "./wire";

/** Protobuf's own limit on messages and groups inside each other. */
const deepest = 100;
/** Messages up to this size are read at once; longer ones field by field, so that weights inside are passed over. */
const wholeMessage = 64 * 1024;
/** Names of operators and values; the longest seen in the wild have a few hundred bytes. */
const longestText = 64 * 1024;
/** Of texts for display and of external data's paths. */
const keptText = 4096;
/** Tensors of more dimensions than this are nobody's (NumPy stops at 64). */
const mostDimensions = 1024;
/** Ranges up to this many bytes are kept with their bytes: scales, zero points, permutations. */
const keptRange = 64;
/**
 * What may be kept in memory, in units of about 40 bytes: a message counts 8, a name in a list 1. A node with an attribute
 * counts some 20, so graphs of 300,000 nodes pass, several times the largest known; a file full of empty messages does not.
 */
const mostUnits = 8_000_000;

/** Reads an ONNX file's messages without its weights. Throws EngineError where protobuf refuses the bytes. */
export async function parseModel(source: ByteSource): Promise<ModelProto> {
  const span: Span = { number: 0, start: 0, body: 0, end: source.size };
  const root = model.create(span) as ModelProto;
  await new Parser(new Window(source)).message(model, root, span, 0);
  return root;
}

type Target = Message & Record<string, unknown>;

function listOf(into: Target, key: string): unknown[] {
  if (into[key] === noElements) into[key] = [];
  return into[key] as unknown[];
}

/** How many bytes of a field's content are looked at while parsing. Weights: none. */
function looked(field: Field, length: number): number {
  if (field.kind === "text") return Math.min(length, longestText);
  if (field.kind === "longText") return Math.min(length, keptText);
  if (field.kind === "ints") return Math.min(length, 10 * mostDimensions);
  const kept = field.kind === "range" || field.kind === "varints" || field.kind === "fixed";
  return kept && length <= keptRange ? length : 0;
}

class Parser {
  #units = 0;
  constructor(readonly window: Window) {}

  /** Parses a message's content into `into`, or only checks it. */
  async message(schema: Schema, into: Message | undefined, span: Span, depth: number): Promise<void> {
    if (span.end - span.body <= wholeMessage) {
      await this.window.load(span.body, span.end - span.body);
      return this.#small(schema, into as Target, span, depth);
    }
    const { window } = this;
    window.position = span.body;
    while (window.position < span.end) {
      const start = window.position;
      await window.load(start, longestHeader);
      const tag = window.tag(span.end);
      const number = Math.floor(tag / 8);
      const wire = tag & 7;
      const field = schema.fields.get(number);
      if (wire === wireType.startGroup) await this.#skipGroup(number, span.end, depth + 1);
      else if (wire === wireType.bytes) {
        const length = window.length(span.end);
        const body = window.position;
        if (field && typeof field.kind === "object") {
          const child: Span = { number, start, body, end: body + length, parent: span };
          await this.message(field.kind, this.#child(field, into as Target, child, depth), child, depth + 1);
        } else if (field) {
          await window.load(body, looked(field, length));
          this.#content(field, into as Target, body, length);
        }
        window.position = body + length;
      } else this.#scalar(field, into as Target, wire, start, span.end);
    }
  }

  /** The same for a message that lies in the window whole: without waiting. */
  #small(schema: Schema, into: Target | undefined, span: Span, depth: number): void {
    const { window } = this;
    window.position = span.body;
    while (window.position < span.end) {
      const start = window.position;
      const tag = window.tag(span.end);
      const number = Math.floor(tag / 8);
      const wire = tag & 7;
      const field = schema.fields.get(number);
      if (wire === wireType.startGroup) this.#skipSmallGroup(number, span.end, depth + 1);
      else if (wire === wireType.bytes) {
        const length = window.length(span.end);
        const body = window.position;
        if (field && typeof field.kind === "object") {
          const child: Span = { number, start, body, end: body + length, parent: span };
          this.#small(field.kind, this.#child(field, into, child, depth) as Target, child, depth + 1);
        } else if (field) this.#content(field, into, body, length);
        window.position = body + length;
      } else this.#scalar(field, into, wire, start, span.end);
    }
  }

  /** The message that a sub-message's fields go to: a new one, or the one there is, since protobuf merges singular ones. */
  #child(field: Field, into: Target | undefined, span: Span, depth: number): Message | undefined {
    if (depth >= deepest) throw this.window.corrupt(`more than ${deepest} messages inside each other`, span.start);
    if (field.drop || !into) return undefined;
    if (field.repeated) {
      const made = (field.kind as Schema).create(span);
      this.#count(8, span.start);
      listOf(into, field.key).push(made);
      return made;
    }
    if (!into[field.key]) this.#count(5, span.start);
    return (into[field.key] ??= (field.kind as Schema).create(span)) as Message;
  }

  /** A length-delimited field that is no message. Its first `looked` bytes are in the window. */
  #content(field: Field, into: Target | undefined, offset: number, length: number): void {
    if (!into || field.drop) return;
    const { window } = this;
    switch (field.kind) {
      case "text":
        if (length > longestText) throw this.#tooLarge(`a name of ${length} bytes`, offset);
        this.#put(field, into, window.text(offset, length), offset);
        return;
      case "longText":
        this.#put(field, into, window.text(offset, Math.min(length, keptText)), offset);
        return;
      case "range":
        this.#put(field, into, { offset, length, bytes: this.#kept(offset, length) }, offset);
        return;
      case "ints": {
        if (length > 10 * mostDimensions) throw this.#tooLarge(`a tensor of more than ${mostDimensions} dimensions`, offset);
        window.position = offset;
        while (window.position < offset + length) this.#put(field, into, window.varint(offset + length), offset);
        return;
      }
      case "varints":
      case "fixed":
        if (field.kind === "fixed" && length % field.size! !== 0)
          throw window.corrupt("packed numbers end in the middle of one", offset);
        if (field.kind === "varints") this.#checkVarints(offset, length);
        if (length > 0)
          this.#put(field, into, { offset, length, bytes: this.#kept(offset, length), packed: true } satisfies Run, offset);
        return;
      default: // A number sent as bytes: protobuf takes it for an unknown field.
    }
  }

  /** Packed varints that happen to be in the window are looked through, as protobuf does; long ones when they are decoded. */
  #checkVarints(offset: number, length: number): void {
    if (!this.window.has(offset, length)) return;
    this.window.position = offset;
    while (this.window.position < offset + length) this.window.wideVarint(offset + length);
  }

  /** A varint or fixed field, known or not; its header is in the window. The cursor stands behind the tag. */
  #scalar(field: Field | undefined, into: Target | undefined, wire: number, start: number, end: number): void {
    const { window } = this;
    if (wire === wireType.varint) {
      const value = window.varint(end);
      if (!field || !into) return;
      if (field.kind === "int" || field.kind === "ints") this.#put(field, into, value, start);
      else if (field.kind === "int32") into[field.key] = value | 0;
      else if (field.kind === "enum" && (value | 0) >= 0 && (value | 0) < field.size!) into[field.key] = value | 0;
      else if (field.kind === "varints") this.#extend(field, into, start);
    } else if (wire === wireType.fixed32) {
      if (field?.kind === "float" && end - window.position >= 4) {
        const value = window.float32();
        if (into) into[field.key] = value;
      } else {
        this.#fixed(4, end);
        if (field?.kind === "fixed" && field.size === 4 && into) this.#extend(field, into, start);
      }
    } else if (wire === wireType.fixed64) {
      this.#fixed(8, end);
      if (field?.kind === "fixed" && field.size === 8 && into) this.#extend(field, into, start);
    } else throw window.corrupt("a group ends that did not begin", start);
  }

  #fixed(length: number, end: number): void {
    if (length > end - this.window.position && end >= this.window.source.size) {
      throw new EngineError("truncated", "The file ends in the middle of a field.", {
        file: this.window.source.path,
        offset: this.window.position,
      });
    }
    this.window.skip(length, end);
  }

  #put(field: Field, into: Target, value: unknown, offset: number): void {
    if (!field.repeated) {
      into[field.key] = value;
      return;
    }
    const list = listOf(into, field.key);
    if (field.kind === "ints" && list.length >= mostDimensions)
      throw this.#tooLarge(`a tensor of more than ${mostDimensions} dimensions`, offset);
    this.#count(typeof value === "object" ? 4 : 1, offset);
    list.push(value);
  }

  /** One more unpacked element, from its tag at `start` to the cursor. */
  #extend(field: Field, into: Target, start: number): void {
    const runs = listOf(into, field.key) as Run[];
    const last = runs.at(-1);
    const joins = last && !last.packed && last.offset + last.length === start;
    if (!joins) this.#count(4, start);
    const offset = joins ? last.offset : start;
    const length = this.window.position - offset;
    const bytes = runs.length < 3 ? this.#kept(offset, length) : undefined;
    runs[joins ? runs.length - 1 : runs.length] = { offset, length, bytes, packed: false };
  }

  /** The bytes themselves where they are few; the last field of a long message may have left the window. */
  #kept(offset: number, length: number): Uint8Array | undefined {
    return length <= keptRange && this.window.has(offset, length) ? this.window.slice(offset, length) : undefined;
  }

  async #skipGroup(number: number, end: number, depth: number): Promise<void> {
    const open = [number];
    while (open.length) {
      await this.window.load(this.window.position, longestHeader);
      this.#skipInGroup(open, end, depth);
    }
  }

  #skipSmallGroup(number: number, end: number, depth: number): void {
    const open = [number];
    while (open.length) this.#skipInGroup(open, end, depth);
  }

  /** Passes over one field inside unknown groups; `open` holds their numbers. */
  #skipInGroup(open: number[], end: number, depth: number): void {
    const { window } = this;
    const start = window.position;
    if (depth + open.length - 1 > deepest) throw window.corrupt(`more than ${deepest} groups inside each other`, start);
    const tag = window.tag(end, 0);
    const wire = tag & 7;
    const number = Math.floor(tag / 8);
    if (wire === wireType.startGroup) open.push(number);
    else if (wire === wireType.endGroup) {
      if (open.pop() !== number) throw window.corrupt("a group's end does not match its beginning", start);
    } else if (wire === wireType.bytes) window.skip(window.length(end), end);
    else this.#scalar(undefined, undefined, wire, start, end);
  }

  #count(units: number, offset: number): void {
    this.#units += units;
    if (this.#units > mostUnits) throw this.#tooLarge("more nodes and attributes than any model has", offset);
  }

  #tooLarge(what: string, offset: number): EngineError {
    return new EngineError("too-large", `The file holds ${what}; it is damaged or not an ONNX model.`, {
      file: this.window.source.path,
      offset,
    });
  }
}
