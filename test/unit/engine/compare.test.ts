import assert from "node:assert/strict";
import * as path from "node:path";
import type { CompareEvent, CompareSummary, TensorComparison } from "../../../src/core/api/compare";
import { CancellationSource } from "../../../src/core/cancellation";
import type { EngineError } from "../../../src/core/errors";
import { createEngine } from "../../../src/engine/createEngine";
import { createNodeEngine } from "../../../src/node/createNodeEngine";
import { TemporaryFolder } from "../../builders/folder";
import { hashed, readTiny, writeTiny } from "../../builders/huggingface";
import { floats, model, value } from "../../builders/onnx";
import { safetensorsFile } from "../../builders/safetensors";
import { toyBytes, toyDeps, ToyPool } from "../../builders/toyModel";
import { gaussian, heavyTailed } from "../../builders/weights";

const sample = path.join(__dirname, "../../../media/sample");

describe("engine: compare", function () {
  this.timeout(60_000);
  const { engine } = createNodeEngine({ threads: 2 });
  let folder: TemporaryFolder;
  before(() => (folder = new TemporaryFolder()));
  after(() => {
    engine.dispose();
    folder.remove();
  });

  const compare = async (pathA: string, pathB: string): Promise<{ summary: CompareSummary; pairs: TensorComparison[] }> => {
    const pairs: TensorComparison[] = [];
    const summary = await engine.compare({ pathA, pathB }, (event) => {
      if (event.kind === "pair") pairs.push(event.comparison);
      assert.notEqual(event.kind, "failed", JSON.stringify(event));
    });
    return { summary, pairs };
  };
  const exported = async (source: string, encoding: string, name: string): Promise<string> => {
    const output = path.join(folder.path, name);
    await engine.export({ path: source, encoding, output }, () => {});
    return output;
  };
  /** What an analysis says of each tensor: relative squared error by encoding. */
  const predictions = async (source: string, encodings: readonly string[]): Promise<Map<string, Map<string, number>>> => {
    const found = new Map<string, Map<string, number>>();
    await engine.analyse({ path: source, encodings }, (e) => {
      if (e.kind === "report") found.set(e.report.name, new Map(e.report.errors.map((x) => [x.encoding, x.relativeSquaredError])));
    });
    return found;
  };

  for (const name of ["llama", "llama3-rope", "mistral", "qwen2", "qwen3", "phi3", "gpt2"]) {
    it(`${name}: its conversion to a GGUF in F32 is equal, tensor by tensor, both ways`, async () => {
      const source = writeTiny(path.join(folder.path, name), readTiny(name));
      const output = await exported(source, "f32", `${name}.gguf`);
      for (const [a, b] of [[source, output], [output, source]]) {
        const { summary, pairs } = await compare(a, b);
        assert.deepEqual(pairs.filter((p) => p.sqnr !== Infinity || p.maxDifference !== 0 || p.nonFinite), []);
        assert.equal(summary.sqnr, Infinity);
        // The converter computes frequency factors; a tied head is written once.
        const left = summary.unmatched.map((u) => (u.a ?? u.b)!.name);
        assert.deepEqual(left, name === "llama3-rope" ? ["rope_freqs.weight"] : []);
      }
    });
  }

  it("gemma2: norms are equal but for the rounding of 1 + w, the rest exactly", async () => {
    const source = writeTiny(path.join(folder.path, "gemma2"), readTiny("gemma2"));
    const { summary, pairs } = await compare(source, await exported(source, "f32", "gemma2.gguf"));
    assert.deepEqual(summary.unmatched, []);
    for (const { a, undone, maxDifference } of pairs) {
      assert.deepEqual(undone, a.name.endsWith("norm.weight") ? ["norm-offset"] : []);
      assert.ok(maxDifference <= (undone.length ? 2 ** -24 : 0), a.name);
    }
  });

  for (const target of ["q8_0", "q4_0", "q4_K_M"]) {
    it(`the sample against its ${target} GGUF shows just the error that an analysis predicts, whose encodings the choice names`, async () => {
      const { summary, pairs } = await compare(sample, await exported(sample, target, `sample-${target}.gguf`));
      assert.deepEqual(summary.unmatched, []);
      const into = await intoOf(sample, target);
      const predicted = await predictions(sample, [...new Set(into.values())].filter((e) => e !== "f32"));
      let checked = 0;
      for (const { a, b, relativeSquaredError, undone } of pairs) {
        const encoding = into.get(a.name)!;
        assert.equal(b.encodingLabel.toLowerCase(), encoding.toLowerCase(), a.name);
        const expected = encoding === "f32" ? 0 : predicted.get(a.name)!.get(encoding)!;
        assert.ok(Math.abs(relativeSquaredError - expected) <= 1e-6 * expected, `${a.name}: ${relativeSquaredError}, predicted ${expected}`);
        if (undone.includes("rope")) checked++;
      }
      assert.equal(checked, 2 * 4, "q and k of four layers");
      assert.equal(pairs.length, 38);
    });
  }

  /** Every tensor that a conversion to this GGUF changes, and the encoding that the choice says it takes. */
  const intoOf = async (source: string, target: string): Promise<Map<string, string>> => {
    const { tensors } = await engine.open(source);
    const { assigned } = (await engine.exportChoices(source)).find((c) => c.encoding === target && c.format === "gguf")!;
    return new Map(assigned.flatMap(({ encoding, tensors: at }) => at.map((i) => [tensors[i].name, encoding] as const)));
  };

  for (const name of ["llama", "qwen2", "phi3", "gemma2", "gpt2"]) {
    it(`${name}: a choice says of every tensor what its GGUF holds, those left out too`, async () => {
      const tiny = readTiny(name);
      // As some checkpoints have them: a head that is the embedding, and a buffer or mask that is computed anew.
      const embedding = tiny.tensors.find(([n]) => /embed_tokens|wte/.test(n))!;
      const buffer = name === "gpt2" ? "transformer.h.0.attn.masked_bias" : "model.layers.0.self_attn.rotary_emb.inv_freq";
      const omitted = [...(tiny.tensors.some(([n]) => n === "lm_head.weight") ? [] : ["lm_head.weight"]), buffer];
      const tensors = [...tiny.tensors, ...omitted.map((n) => [n, n === buffer ? [8] : embedding[1], embedding[2], embedding[3], 0] as const)];
      const config = { ...tiny.config, ...(omitted.length > 1 && { tie_word_embeddings: true }) };
      const source = writeTiny(path.join(folder.path, `choices-${name}`), { ...tiny, config, tensors } as typeof tiny);
      const choice = (await engine.exportChoices(source)).find((c) => c.encoding === "q4_K_M")!;
      const { tensors: known } = await engine.open(source);
      assert.deepEqual(choice.omitted!.map((i) => known[i].name).sort(), omitted.sort());
      const into = await intoOf(source, "q4_K_M");
      const { pairs } = await compare(source, await exported(source, "q4_K_M", `choices-${name}.gguf`));
      // The tied head is compared with the embedding, which is written.
      const written = pairs.filter((p) => !omitted.includes(p.a.name));
      assert.equal(written.length, tiny.tensors.length);
      for (const { a, b } of written) assert.equal(b.encodingLabel.toLowerCase(), (into.get(a.name) ?? a.encodingLabel).toLowerCase(), a.name);
    });
  }

  it("the sample against its compressed-tensors int4-g128 shows just the error that an analysis predicts", async () => {
    const { summary, pairs } = await compare(sample, await exported(sample, "int4-g128", "sample-int4"));
    assert.deepEqual(summary.unmatched, []);
    // The export says itself which form of the grid it writes: scales are of the model's own type.
    const { assigned } = (await engine.exportChoices(sample)).find((c) => c.encoding === "int4-g128")!;
    const { encoding } = assigned![0];
    const predicted = await predictions(sample, [encoding]);
    const changed = pairs.filter((p) => p.a.encodingLabel !== p.b.encodingLabel);
    assert.equal(changed.length, 28);
    for (const { a, relativeSquaredError, worstOutputs } of changed) {
      const expected = predicted.get(a.name)!.get(encoding)!;
      assert.ok(Math.abs(relativeSquaredError - expected) <= 1e-6 * expected, `${a.name}: ${relativeSquaredError}, predicted ${expected}`);
      assert.equal(worstOutputs!.length, 16);
    }
    assert.ok(pairs.filter((p) => p.a.encodingLabel === p.b.encodingLabel).every((p) => p.sqnr === Infinity));
  });

  /** A tiny model's file with some of its tensors one below the other in one. */
  const fusing = (name: string, groups: readonly (readonly [fused: string, parts: readonly string[]])[]) => {
    const { config, tensors } = readTiny(name);
    const rows = new Map(tensors.map(([tensor, shape, seed, scale, add]) => {
      const count = shape.reduce((a, b) => a * b, 1);
      const values = Float32Array.from({ length: count }, (_, i) => Math.fround(Math.fround(hashed(i, seed) * scale) + add));
      return [tensor, { shape, values }];
    }));
    for (const [fused, parts] of groups) {
      const found = parts.map((part) => rows.get(part)!);
      parts.forEach((part) => rows.delete(part));
      const values = Float32Array.from(found.flatMap((f) => [...f.values]));
      rows.set(fused, { shape: [found.reduce((sum, f) => sum + f.shape[0], 0), ...found[0].shape.slice(1)], values });
    }
    const file = safetensorsFile(Object.fromEntries([...rows].map(([tensor, { shape, values }]) => [
      tensor, { dtype: "F32", shape, data: new Uint8Array(values.buffer) }])));
    folder.put(`fused-${name}/config.json`, Buffer.from(JSON.stringify(config)));
    return folder.put(`fused-${name}/model.safetensors`, file);
  };

  it("q, k, v and gate, up in one tensor each are equal to their parts, in RoPE order and in transposed or quantized files too", async () => {
    const layers = [0, 1].map((n) => `model.layers.${n}`);
    const groups = layers.flatMap((layer) => [
      [`${layer}.self_attn.qkv_proj.weight`, ["q", "k", "v"].map((m) => `${layer}.self_attn.${m}_proj.weight`)],
      [`${layer}.mlp.gate_up_proj.weight`, ["gate", "up"].map((m) => `${layer}.mlp.${m}_proj.weight`)],
    ] as const);
    const fused = fusing("llama", groups);
    const single = writeTiny(path.join(folder.path, "single-llama"), readTiny("llama"));
    const gguf = await exported(single, "f32", "single-llama.gguf");
    for (const other of [single, gguf]) {
      for (const [a, b] of [[fused, other], [other, fused]]) {
        const { summary, pairs } = await compare(a, b);
        assert.deepEqual(summary.unmatched, []);
        assert.deepEqual(pairs.filter((p) => p.sqnr !== Infinity).map((p) => p.a.name), []);
        assert.equal(pairs.filter((p) => p.undone.includes("fused")).length, 5 * layers.length);
        assert.equal(pairs.filter((p) => p.undone.includes("rope")).length, other === gguf ? 2 * layers.length : 0);
        assert.equal(summary.progress.bytesDone, summary.progress.bytesTotal);
      }
    }
    const quantized = await exported(single, "q8_0", "single-llama-q8_0.gguf");
    const [straight, across] = [await compare(single, quantized), await compare(fused, quantized)];
    assert.ok(Math.abs(straight.summary.squaredError - across.summary.squaredError) <= 1e-9 * straight.summary.squaredError);
    const part = across.pairs.find((p) => p.b.name === "blk.1.ffn_up.weight")!;
    const { first, rows } = part.part!;
    assert.deepEqual([part.part!.side, first], ["a", rows]);
    assert.ok(part.worstOutputs!.every(({ index }) => index >= first && index < first + rows), "channels are counted in the fused tensor's rows");
  });

  it("ONNX: a transposed weight against its 4-bit blocks, and against safetensors", async () => {
    const up = gaussian(64 * 96, { seed: 3 });
    const graph = model({
      nodes: [{ op: "MatMul", in: ["x", "model.layers.0.mlp.up_proj.weight"], out: ["y"] }],
      initializers: [floats("model.layers.0.mlp.up_proj.weight", [64, 96], up)],
      inputs: [value("x", 1, ["n", 64])],
      outputs: [value("y", 1, ["n", 96])],
    });
    const source = folder.put("graph.onnx", graph);
    const { pairs } = await compare(source, await exported(source, "int4-g32", "graph-int4.onnx"));
    const predicted = await predictions(source, ["int4-g32"]);
    assert.equal(pairs.length, 1);
    const expected = predicted.get(pairs[0].a.name)!.get("int4-g32")!;
    assert.ok(expected > 1e-3 && Math.abs(pairs[0].relativeSquaredError - expected) <= 1e-6 * expected, `${pairs[0].relativeSquaredError}, ${expected}`);

    const turned = Float32Array.from(up, (_, i) => up[(i % 64) * 96 + Math.floor(i / 64)]);
    const tensors = folder.put("turned/model.safetensors", safetensorsFile({
      "layers.0.mlp.up_proj.weight": { dtype: "F32", shape: [96, 64], data: new Uint8Array(turned.buffer) },
    }));
    const equal = await compare(source, tensors);
    assert.deepEqual(equal.pairs.map((p) => [p.a.name, p.b.name, p.sqnr]), [["model.layers.0.mlp.up_proj.weight", "layers.0.mlp.up_proj.weight", Infinity]]);
  });

  it("channels of a GGUF in RoPE order are told by its own rows", async () => {
    const tiny = readTiny("llama");
    const source = writeTiny(path.join(folder.path, "rope-source"), tiny);
    const output = await exported(source, "f32", "rope.gguf");
    const name = "model.layers.0.self_attn.q_proj.weight";
    // Row 1 of the first head's 16 becomes row 2 of the GGUF.
    const changed = writeTiny(path.join(folder.path, "rope-changed"), tiny);
    const index = await engine.open(changed);
    const { storage, shape } = index.tensors.find((t) => t.name === name)!;
    const range = storage!.planes[0] as { offset: number };
    const { openSync, writeSync, closeSync } = await import("node:fs");
    const handle = openSync(changed, "r+");
    writeSync(handle, Buffer.from(new Float32Array(shape[1]).fill(9).buffer), 0, 4 * shape[1], range.offset + 4 * shape[1]);
    closeSync(handle);
    const worst = async (a: string, b: string) => (await compare(a, b)).pairs.filter((p) => p.sqnr < Infinity).map((p) => [p.a.name, p.worstOutputs]);
    assert.deepEqual(await worst(changed, output), [[name, [{ index: 1, share: 1 }]]]);
    assert.deepEqual(await worst(output, changed), [["blk.0.attn_q.weight", [{ index: 2, share: 1 }]]]);
  });

  const tiny = (names: Readonly<Record<string, readonly number[]>>, seed = 1) => {
    const data = (shape: readonly number[]) => new Uint8Array(heavyTailed(shape.reduce((a, b) => a * b, 1), seed).buffer);
    return safetensorsFile(Object.fromEntries(Object.entries(names).map(([name, shape]) => [name, { dtype: "F32", shape, data: data(shape) }])));
  };
  const rejects = async (a: string, b: string, pattern: RegExp) =>
    assert.rejects(engine.compare({ pathA: a, pathB: b }, () => {}), (error: EngineError) => {
      assert.equal(error.code, "bad-request");
      assert.match(error.describe(), pattern);
      return true;
    });

  it("models of different networks have nothing to compare, in one sentence", async () => {
    const other = folder.put("other.safetensors", tiny({ "conv.weight": [4, 3, 3, 3] }));
    await rejects(sample, other, /^These models \(LlamaForCausalLM and [^)]+\) have nothing to compare: no tensor of the one has a counterpart[^.]*\.( \(.*\))?$/);
  });

  it("models of one architecture in two sizes are told apart from that", async () => {
    const [a, b] = [[8, 8], [8, 16]].map((shape, i) => folder.put(`size${i}.safetensors`, tiny({ "model.layers.0.mlp.up_proj.weight": shape })));
    await rejects(a, b, /of 1 counterparts none can be compared \(model\.layers\.0\.mlp\.up_proj\.weight: 8×8 against 8×16\)/);
  });

  it("lists what has no counterpart or another shape, with a sentence each", async () => {
    const a = folder.put("left.safetensors", tiny({ same: [4, 4], wide: [4, 8], mine: [3] }));
    const b = folder.put("right.safetensors", tiny({ same: [4, 4], wide: [4, 6], yours: [5] }));
    const { summary, pairs } = await compare(a, b);
    assert.deepEqual(pairs.map((p) => p.a.name), ["same"]);
    assert.deepEqual(summary.unmatched.map((u) => [u.a?.name, u.b?.name, u.reason, u.message]), [
      ["wide", "wide", "shape", "wide: 4×8 against 4×6."],
      ["mine", undefined, "missing", "mine is in the first model only."],
      [undefined, "yours", "missing", "yours is in the second model only."],
    ]);
    assert.deepEqual([summary.a.tensorCount, summary.b.tensorCount, summary.progress.tensorsDone, summary.progress.tensorsTotal], [3, 3, 1, 1]);
    assert.equal(summary.progress.bytesDone, summary.progress.bytesTotal);
  });

  it("vectors pair with matrices of one row or column", async () => {
    const a = folder.put("vector.safetensors", tiny({ "fc.bias": [6], "gate.bias": [6] }));
    const b = folder.put("row.safetensors", tiny({ "fc.bias": [1, 6], "gate.bias": [6, 1] }));
    assert.deepEqual((await compare(a, b)).pairs.map((p) => [p.count, p.sqnr]), [[6, Infinity], [6, Infinity]]);
  });

  it("tells each pair that fails, goes on, and claims no quality when all failed", async () => {
    const source = folder.put("toy.toy", toyBytes([{ name: "x", shape: [2, 4] }, { name: "y", shape: [4] }]));
    const toy = createEngine(toyDeps(() => new ToyPool()));
    const events: CompareEvent[] = [];
    const summary = await toy.engine.compare({ pathA: source, pathB: source }, (e) => events.push(e));
    toy.engine.dispose();
    assert.deepEqual(events.flatMap((e) => (e.kind === "failed" ? [[e.a, e.b, e.error.code, e.error.place.tensor]] : [])).sort(), [
      ["x", "x", "unsupported", "x"], ["y", "y", "unsupported", "y"],
    ]);
    assert.deepEqual([summary.failed, summary.sqnr, summary.relativeSquaredError], [2, NaN, NaN]);
    assert.deepEqual([summary.progress.tensorsDone, summary.progress.bytesDone], [2, summary.progress.bytesTotal]);
  });

  it("a cancelled comparison rejects and tells nothing more", async () => {
    const source = new CancellationSource();
    const events: CompareEvent[] = [];
    const call = engine.compare({ pathA: sample, pathB: sample }, (e) => events.push(e), source.token);
    source.cancel();
    await assert.rejects(call, { code: "cancelled" });
    await engine.open(sample);
    assert.deepEqual(events, []);
  });
});
