import { DefaultDeserializer, serialize } from "node:v8";
import { digestOf } from "./digest";

/** A digest of name and content, then the content as Node serializes plain data: NaN, -0 and typed arrays included. */
const headBytes = 32;

export function packRecord(name: string, value: unknown): Uint8Array {
  const content = serialize(value);
  return Buffer.concat([Buffer.from(digestOf([name, content]), "latin1"), content]);
}

/** Undefined for anything but a whole record of this name. Arrays own their buffers. */
export function unpackRecord(name: string, bytes: Uint8Array): unknown {
  const content = bytes.subarray(headBytes);
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length - content.length).toString("latin1");
  if (head !== digestOf([name, content])) return undefined;
  try {
    const reader = new OwningReader(content);
    reader.readHeader();
    return reader.readValue();
  } catch {
    return undefined; // of a later Node
  }
}

interface HostReader extends DefaultDeserializer {
  _readHostObject(): NodeJS.TypedArray;
}

/** Node's own arrays are views into all the bytes that are read. */
class OwningReader extends (DefaultDeserializer as new (bytes: Uint8Array) => HostReader) {
  override _readHostObject(): NodeJS.TypedArray {
    return super._readHostObject().slice();
  }
}
