import { dtypes } from "./dtypes";

/** A tensor of an output file, before it has a place. */
export interface PlannedTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly byteLength: number;
}

const dtypeOrder = new Map([...dtypes.keys()].map((name, i) => [name, i]));

/** The library's order: types of large alignment first, then by name. It keeps every tensor aligned to its type. */
export function inFileOrder<T extends PlannedTensor>(tensors: readonly T[]): T[] {
  const utf8 = new TextEncoder();
  const keyed = tensors.map((t) => ({ t, key: utf8.encode(t.name) }));
  keyed.sort((a, b) => dtypeOrder.get(b.t.dtype)! - dtypeOrder.get(a.t.dtype)! || compareBytes(a.key, b.key));
  return keyed.map(({ t }) => t);
}

/** Length, JSON and padding to 8 bytes. Tensors follow each other without gaps, in the order given. */
export function writeHeader(tensors: readonly PlannedTensor[], metadata: readonly (readonly [string, string])[]): Uint8Array {
  const parts: string[] = [];
  if (metadata.length)
    parts.push(`"__metadata__":{${metadata.map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`).join(",")}}`);
  let offset = 0;
  for (const { name, dtype, shape, byteLength } of tensors) {
    const end = offset + byteLength;
    parts.push(`${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape.join(",")}],"data_offsets":[${offset},${end}]}`);
    offset = end;
  }
  const json = new TextEncoder().encode(`{${parts.join(",")}}`);
  const length = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, 8);
  return bytes;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}
