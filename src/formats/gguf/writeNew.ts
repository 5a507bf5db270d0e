import { EngineError } from "../../core/errors";
import type { EncodingFacts, Segment, WritePlan } from "../format";
import { pad } from "./header";
import { encodeMetadata, type MetadataEntry } from "./metadata";
import { typeOfEncoding } from "./types";
import { Writer } from "./write";

/** A tensor of a GGUF that is made from another model. */
export interface NewTensor {
  /** GGUF name. */
  readonly name: string;
  /** Row-major [out, in, …]; the file lists it reversed. */
  readonly shape: readonly number[];
  readonly encoding: string;
  /** Where the values come from: a tensor of the source model, encoded on the way, or bytes that are ready. */
  readonly from:
    | { readonly tensor: string; readonly ropeHeads?: number }
    | { readonly bytes: Uint8Array };
}

export interface NewFile {
  readonly metadata: readonly MetadataEntry[];
  readonly tensors: readonly NewTensor[];
  readonly outputName: string;
  readonly facts: EncodingFacts;
}

/** general.alignment's default, which needs no entry. */
const alignment = 32;

/** Lays out a GGUF version 3 from its parts. Throws "bad-request" for an encoding that cannot hold a tensor's rows. */
export function planNew({ metadata, tensors, outputName, facts }: NewFile): WritePlan {
  const segments: Segment[] = [];
  let offset = 0;
  const add = (bytes: Uint8Array) => {
    if (bytes.length) segments.push({ kind: "bytes", offset, bytes });
    offset += bytes.length;
  };
  const head = new Writer().bytes("GGUF").u32(3).u64(tensors.length).u64(metadata.length).take();
  const infos = new Writer();
  const sizes: number[] = [];
  let relative = 0;
  for (const tensor of tensors) {
    const { name, shape, encoding } = tensor;
    const type = typeOfEncoding(encoding);
    const columns = shape[shape.length - 1] ?? 1;
    if (!type || !facts.fits(encoding, columns)) {
      throw new EngineError("bad-request", `GGUF cannot store rows of ${columns} elements as ${encoding}.`, { tensor: name });
    }
    if (new TextEncoder().encode(name).length > 63 || shape.length > 4) {
      throw new EngineError("unsupported", "GGUF holds names of up to 63 bytes and up to 4 dimensions.", { tensor: name });
    }
    const [byteLength] = facts.planeBytes(encoding, shape.slice(0, -1).reduce((a, b) => a * b, 1), columns);
    infos.string(name).u32(shape.length);
    for (const n of [...shape].reverse()) infos.u64(n);
    infos.u32(type.id).u64(relative);
    sizes.push(byteLength);
    relative += pad(byteLength, alignment);
  }
  add(joined([head, encodeMetadata(metadata), infos.take()]));
  add(new Uint8Array(pad(offset, alignment) - offset));
  tensors.forEach(({ encoding, from }, i) => {
    const byteLength = sizes[i];
    if ("bytes" in from) {
      if (from.bytes.length !== byteLength) throw new EngineError("malformed", `${from.bytes.length} bytes instead of ${byteLength}.`, { tensor: tensors[i].name });
      add(from.bytes);
    } else {
      const { tensor, ropeHeads } = from;
      if (byteLength) segments.push({ kind: "plane", offset, byteLength, tensor, encoding, plane: 0, arrangement: "rows", ropeHeads });
      offset += byteLength;
    }
    add(new Uint8Array(pad(offset, alignment) - offset));
  });
  return { files: [{ name: outputName, byteLength: offset, segments }], notes: [] };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
