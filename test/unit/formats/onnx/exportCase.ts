import assert from "node:assert/strict";
import { onnx } from "../../../../src/formats/onnx";
import { createSession, type OrtValue } from "../../../../src/node/ort/session";
import { TemporaryFolder } from "../../../builders/folder";
import { floats, memoryFolder, model, type ModelSpec, type NodeSpec, T, value } from "../../../builders/onnx";
import { exportTo } from "./executor";
import { valuesOf } from "./reference";

export const allTargets = onnx.exportTargets.map((t) => t.name);

/** Numbers like weights, the same in every run: a sum of uniform ones, with an outlier here and there. */
export function weights(count: number, seed: number): Float32Array {
  let state = seed;
  const uniform = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  return Float32Array.from({ length: count }, () => (uniform() + uniform() + uniform() - 1.5) * (uniform() < 0.02 ? 8 : 1));
}

export const feed = (dims: number[], seed = 99): OrtValue => ({
  type: "float32",
  dims,
  data: weights(
    dims.reduce((a, b) => a * b, 1),
    seed,
  ),
});

export async function run(
  files: Readonly<Record<string, Uint8Array>>,
  main: string,
  feeds: Record<string, OrtValue>,
): Promise<number[]> {
  const folder = new TemporaryFolder();
  try {
    for (const [name, content] of Object.entries(files)) folder.put(name, content);
    const session = await createSession(`${folder.path}/${main}`, { threads: 1 });
    const outputs = await session.run(feeds);
    await session.dispose();
    return session.outputNames.flatMap((name) => Array.from(outputs[name].data as Float32Array));
  } finally {
    folder.remove();
  }
}

const distance = (a: readonly number[], b: readonly number[]) => {
  assert.equal(a.length, b.length);
  const size = Math.sqrt(b.reduce((sum, v) => sum + v * v, 0));
  return Math.sqrt(a.reduce((sum, v, i) => sum + (v - b[i]) ** 2, 0)) / size;
};

export interface Case {
  readonly spec: ModelSpec;
  readonly beside?: Readonly<Record<string, Uint8Array>>;
  readonly feeds: Record<string, OrtValue>;
  /** Tensors that must have changed. */
  readonly changed: readonly string[];
  /** The same model with these values in place of the weights, given as [out, in…]. */
  readonly withValues: (values: ReadonlyMap<string, Float32Array>) => ModelSpec;
  /** Relative error against the original, by bits. */
  readonly error: typeof error;
}

/**
 * Exports, runs the result in ONNX Runtime, and compares with the same network on the dequantized values (the arithmetic must
 * be the same) and with the original (within what so many bits allow). Reads the result back.
 */
export async function check(
  target: string,
  c: Case,
): Promise<{ notes: readonly string[]; files: ReadonlyMap<string, Uint8Array> }> {
  const source = { "m.onnx": model(c.spec), ...c.beside };
  const folder = memoryFolder(source);
  const before = await onnx.readIndex(folder, "m.onnx");
  const exported = await exportTo(folder, "m.onnx", target);
  const files = Object.fromEntries(exported.files);
  const back = memoryFolder(files);
  const index = await onnx.readIndex(back, "out.onnx");
  assert.deepEqual(index.problems, []);
  assert.equal(index.tensors.length, before.tensors.length);
  assert.equal(index.parameterCount, before.parameterCount);
  const quantized = index.tensors.filter((t) => t.storage?.encoding === (target === "f16" ? "f16" : "affine"));
  const sourceName = (name: string) => name.replace(/_(Q\d|quantized|f16)(_2)?$/, "");
  assert.deepEqual(quantized.map((t) => sourceName(t.name)).sort(), [...c.changed].sort());
  const values = new Map<string, Float32Array>();
  for (const tensor of quantized) values.set(sourceName(tensor.name), await valuesOf(back, index, tensor));
  const got = await run(files, "out.onnx", c.feeds);
  const reference = await run({ "m.onnx": model(c.withValues(values)), ...c.beside }, "m.onnx", c.feeds);
  const original = await run(source, "m.onnx", c.feeds);
  assert.ok(distance(got, reference) < 1e-5, `${distance(got, reference)} from the dequantized model`);
  const limit = c.error[(/^int(\d)/.exec(target)?.[1] ?? 16) as keyof Case["error"]];
  assert.ok(distance(got, original) < limit, `${distance(got, original)} from the original`);
  assert.ok(distance(got, original) > 0);
  return exported;
}

export const transposed = (data: ArrayLike<number>, rows: number, columns: number) =>
  Float32Array.from({ length: rows * columns }, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]);

export const K = 40;
export const N = 5;
export const w = weights(K * N, 1);
export const io = (shape: (number | string)[]) => ({ inputs: [value("x", T.FLOAT, shape)], outputs: [value("y")] });
export const error = { 2: 0.9, 4: 0.25, 8: 0.03, 16: 0.001 };

/** A network around one [K, N] matrix. */
export function matrixCase(
  nodes: NodeSpec[],
  more: Partial<ModelSpec> & { stored?: (kn: Float32Array) => Uint8Array } = {},
): Case {
  const { stored = (kn) => floats("w", [K, N], kn), ...rest } = more;
  const spec = (kn: Float32Array): ModelSpec => ({
    nodes,
    ...io([2, K]),
    ...rest,
    initializers: [stored(kn), ...(rest.initializers ?? [])],
  });
  return {
    spec: spec(w),
    feeds: { x: feed([2, K]) },
    changed: ["w"],
    withValues: (v) => spec(transposed(v.get("w")!, N, K)),
    error,
  };
}

export const outIn = (kn: Float32Array) => floats("w", [N, K], transposed(kn, K, N));
export const bias = floats("b", [N], weights(N, 5));
export const product: NodeSpec = { op: "MatMul", name: "p", in: ["x", "w"], out: ["y"] };
