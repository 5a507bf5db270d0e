import assert from "node:assert/strict";
import { EngineError } from "../../../../src/core/errors";
import { onnx } from "../../../../src/formats/onnx";
import {
  bytes,
  f32,
  floats,
  graph,
  int,
  join,
  memoryFolder,
  model,
  node,
  tag,
  tensor,
  text,
  varint,
} from "../../../builders/onnx";
import { openFolder } from "../../../../src/node/files";
import { TemporaryFolder } from "../../../builders/folder";
import { read } from "./check";

const good = model({ initializers: [floats("w", [2], [1, 2])], nodes: [{ op: "Relu", in: ["w"], out: ["y"] }] });
const withFields = (...fields: Uint8Array[]) => model({ initializers: [floats("w", [2], [1, 2])], fields });
const nested = (depth: number) => {
  // graph → node → attribute → graph …, `depth` messages inside the model.
  const fields = [7, ...Array.from({ length: depth - 1 }, (_, i) => [1, 5, 6][i % 3])];
  return fields.reduceRight<Uint8Array>((inner, field) => bytes(field, inner), new Uint8Array(0));
};
const repeat = (part: Uint8Array, times: number) =>
  Uint8Array.from({ length: part.length * times }, (_, i) => part[i % part.length]);
const groups = (depth: number) => join(repeat(tag(127, 3), depth), repeat(tag(127, 4), depth));

async function refusal(file: Uint8Array): Promise<string> {
  try {
    await onnx.readIndex(memoryFolder({ "m.onnx": file }), "m.onnx");
    return "accepted";
  } catch (error) {
    assert.ok(error instanceof EngineError, `not an EngineError: ${(error as Error).stack}`);
    assert.equal(error.place.file, "/memory/m.onnx");
    return error.code;
  }
}

describe("ONNX files judged as protobuf judges them", () => {
  const rows: [name: string, file: Uint8Array, expected: string][] = [
    ["an unknown field is passed over", join(good, int(99, 5)), "accepted"],
    ["an unknown group is passed over", join(good, tag(127, 3), int(1, 1), text(2, "x"), tag(127, 4)), "accepted"],
    ["a known field sent as a group is unknown", join(good, tag(7, 3), int(1, 1), tag(7, 4)), "accepted"],
    ["a known field of another wire type is unknown", join(good, text(1, "seven")), "accepted"],
    ["a varint of ten bytes", join(good, tag(1, 0), Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255, 255, 127)), "accepted"],
    [
      "a length with needless bytes",
      join(good, tag(2, 2), Uint8Array.of(0x81, 0x80, 0x80, 0x80, 0x00), Uint8Array.of(65)),
      "accepted",
    ],
    ["a name that is not UTF-8", join(good, bytes(2, Uint8Array.of(0xff, 0xfe))), "accepted"],
    ["100 messages inside each other", join(good, nested(100)), "accepted"],
    ["101 messages inside each other", join(good, nested(101)), "malformed"],
    ["100 unknown groups inside each other", join(good, groups(100)), "accepted"],
    ["101 unknown groups inside each other", join(good, groups(101)), "malformed"],
    ["a million unknown groups", join(good, groups(1_000_000)), "malformed"],
    ["an empty file", new Uint8Array(0), "malformed"],
    ["a model without a graph", int(1, 8), "malformed"],
    ["text", new TextEncoder().encode("this is not a model"), "malformed"],
    ["field number 0", join(good, Uint8Array.of(0, 0)), "malformed"],
    ["wire type 6", join(good, tag(1, 6)), "malformed"],
    ["wire type 7", join(good, tag(1, 7)), "malformed"],
    ["a tag of six bytes", join(good, Uint8Array.of(0x88, 0x80, 0x80, 0x80, 0x80, 0, 1)), "malformed"],
    ["a tag beyond 32 bits", join(good, Uint8Array.of(0xf8, 0xff, 0xff, 0xff, 0x7f, 1)), "malformed"],
    ["a varint of eleven bytes", join(good, tag(1, 0), new Uint8Array(10).fill(255), Uint8Array.of(1)), "malformed"],
    ["a length of six bytes", join(good, tag(2, 2), Uint8Array.of(0x81, 0x80, 0x80, 0x80, 0x80, 0, 65)), "malformed"],
    ["a group that does not end", join(good, tag(127, 3), int(1, 1)), "truncated"],
    ["a group that ends as another", join(good, tag(127, 3), tag(126, 4)), "malformed"],
    ["a group that ends without beginning", join(good, tag(127, 4)), "malformed"],
    ["a field longer than the file", join(good, tag(2, 2), varint(1000)), "truncated"],
    ["a field of 30 GB", join(good, tag(2, 2), varint(30_000_000_000)), "truncated"],
    ["a field longer than its message", join(withFields(join(tag(2, 2), varint(3))), int(5, 1), int(5, 2)), "malformed"],
    ["a node longer than its graph", join(int(1, 8), bytes(7, join(tag(1, 2), varint(9))), good), "malformed"],
    [
      "packed floats that end in the middle of one",
      withFields(bytes(5, join(tensor({ name: "a" }), bytes(4, new Uint8Array(6))))),
      "malformed",
    ],
    [
      "packed varints that end in the middle of one",
      withFields(bytes(5, join(tensor({ name: "a" }), bytes(5, Uint8Array.of(128))))),
      "truncated",
    ],
    [
      "packed varints whose last one needs the next field's bytes",
      join(withFields(bytes(5, join(tensor({ name: "a" }), bytes(5, Uint8Array.of(128))))), int(5, 1)),
      "malformed",
    ],
    [
      "damage inside what is not shown: a value's type",
      withFields(bytes(13, join(text(1, "v"), bytes(2, Uint8Array.of(0))))),
      "malformed",
    ],
    ["a name of 100 kB", withFields(bytes(5, tensor({ name: "n".repeat(100_000) }))), "too-large"],
    [
      "a tensor of 2000 dimensions",
      withFields(bytes(5, tensor({ name: "a", dims: Array.from({ length: 2000 }, () => 1) }))),
      "too-large",
    ],
  ];
  for (const [name, file, expected] of rows) it(`${name}: ${expected}`, async () => assert.equal(await refusal(file), expected));

  it("cut anywhere: one error, never a crash", async () => {
    let accepted = 0;
    for (let end = 0; end < good.length; end++) if ((await refusal(good.slice(0, end))) === "accepted") accepted++;
    assert.equal(accepted, 0); // the graph is the last field
  });

  it("any byte changed: an error or an index, never a crash", async () => {
    const file = model({
      initializers: [tensor({ name: "q", type: 3, dims: [2, 2], raw: new Uint8Array(4) }), floats("s", [2], [1, 2])],
      nodes: [
        { op: "DequantizeLinear", in: ["q", "s"], out: ["w"], attributes: { axis: 1 } },
        { op: "Transpose", in: ["w"], out: ["t"], attributes: { perm: [1, 0] } },
        { op: "MatMul", in: ["x", "t"], out: ["y"] },
      ],
    });
    const seen = new Set<string>();
    for (let i = 0; i < file.length; i++) {
      for (const change of [1, 8, 127, 128, 255]) {
        const damaged = Uint8Array.from(file);
        damaged[i] ^= change;
        seen.add(await refusal(damaged));
      }
    }
    assert.deepEqual([...seen].sort(), ["accepted", "malformed", "truncated"]);
  });

  it("a graph sent in two pieces is one graph, and the last name counts", async () => {
    const file = join(
      int(1, 8),
      bytes(7, graph({ name: "first", initializers: [floats("a", [2], [1, 2])] })),
      bytes(7, graph({ name: "second", initializers: [floats("b", [2], [3, 4])] })),
    );
    const got = await read(file);
    assert.equal(got.index.architecture, "second");
    assert.deepEqual(await got.values("a"), [1, 2]);
    assert.deepEqual(await got.values("b"), [3, 4]);
  });

  it("an attribute type that does not exist is as if it were not there", async () => {
    const value = { fields: join(bytes(5, floats("t", [2], [5, 6])), int(20, 99)) };
    const got = await read({ nodes: [{ op: "Constant", in: [], out: ["c"], attributes: { value } }] });
    assert.deepEqual(await got.values("c"), [5, 6]);
  });

  it("names of JavaScript's own properties are names like others", async () => {
    const names = ["__proto__", "constructor", "toString", "hasOwnProperty"];
    const got = await read({
      initializers: names.map((n) => floats(n, [2], [1, 2])),
      nodes: names.map((n) => ({ op: n, in: [n], out: [`${n}2`], domain: "" })),
    });
    assert.deepEqual(
      got.index.tensors.map((t) => t.name),
      names,
    );
    assert.deepEqual(got.index.problems, []);
  });

  it("a file of empty nodes is refused before it fills the memory", async () => {
    const file = join(int(1, 8), bytes(7, repeat(Uint8Array.of(0x0a, 0), 1_100_000)));
    assert.equal(await refusal(file), "too-large");
  });

  it("a chain of Identity that bites its tail, and functions that call themselves, come to an end", async () => {
    const got = await read({
      initializers: [floats("w", [2, 2], [1, 2, 3, 4])],
      nodes: [
        { op: "Identity", in: ["w"], out: ["a"] },
        { op: "Identity", in: ["a"], out: ["b"] },
        { op: "Identity", in: ["b"], out: ["a"] },
        { op: "F", domain: "d", in: ["a"], out: ["c"] },
      ],
      functions: [
        { name: "F", domain: "d", inputs: ["x"], outputs: ["y"], nodes: [{ op: "F", domain: "d", in: ["x"], out: ["y"] }] },
      ],
    });
    assert.deepEqual(await got.values("w"), [1, 2, 3, 4]);
  });

  it("a tensor of 3 GB inside the file is passed over, not read", async () => {
    const length = 3_000_000_000;
    const tensorHead = join(int(1, length / 4), int(2, 1), text(8, "big"), tag(9, 2), varint(length));
    const graphHead = join(
      bytes(1, node({ op: "Relu", in: ["big"], out: ["y"] })),
      tag(5, 2),
      varint(tensorHead.length + length),
      tensorHead,
    );
    const head = join(int(1, 8), tag(7, 2), varint(graphHead.length + length), graphHead);
    const folder = new TemporaryFolder();
    try {
      folder.put("big.onnx", { head, size: head.length + length });
      const index = await onnx.readIndex(await openFolder(folder.path), "big.onnx");
      assert.deepEqual(index.tensors[0].storage?.planes, [{ file: 0, offset: head.length, byteLength: length }]);
      assert.equal(index.tensors[0].elementCount, length / 4);
    } finally {
      folder.remove();
    }
  });

  it("is recognised by its name, or by the first fields of a ModelProto", () => {
    assert.equal(onnx.sniff("a.ONNX", new Uint8Array(0)), true);
    assert.equal(onnx.sniff("model", join(int(1, 8), text(2, "pytorch"))), true);
    assert.equal(onnx.sniff("model", new TextEncoder().encode("GGUF")), false);
    assert.equal(onnx.sniff("model", join(int(1, 8), f32(2, 1))), false);
  });
});
