// The host of a comparison's page: two models whose pairs come when they are told to.
import type { ComparedModel, CompareEvent, CompareSummary, TensorComparison, UnmatchedTensor } from "../../src/core/api/compare";
import { type CompareState, type FromComparePanel, pairKey, type ToComparePanel } from "../../src/core/api/comparePanel";
import type { Engine, Progress } from "../../src/core/api/engine";
import type { PanelStatus } from "../../src/core/api/panel";
import { cancelled, EngineError } from "../../src/core/errors";
import { Random } from "../../src/core/math/prng";
import type { TensorRole } from "../../src/core/model";
import type { LogHistogram } from "../../src/core/series";
import { Comparison, lightPair } from "../../src/vscode/comparison";
import type { FilesFound } from "../../src/vscode/outdatedFiles";

const word = new DataView(new ArrayBuffer(4));
function histogramOf(values: Iterable<number>): LogHistogram {
  const counts = new Map<number, number>();
  for (const v of values) {
    word.setFloat32(0, v);
    const bin = word.getUint32(0) >>> 20;
    counts.set(bin, (counts.get(bin) ?? 0) + 1);
  }
  const bins = [...counts.keys()].sort((a, b) => a - b);
  return { bins: Uint16Array.from(bins), counts: Float64Array.from(bins, (b) => counts.get(b)!) };
}

interface PairFacts {
  readonly a: string;
  readonly b: string;
  readonly role: TensorRole;
  readonly layer?: number;
  readonly rows: number;
  readonly columns: number;
  /** Levels of B over ±4σ; 0: equal to A. */
  readonly levels: number;
  readonly more?: Partial<TensorComparison>;
}

/** A pair computed from made-up weights: B is A on a grid. */
function made({ a, b, role, layer, rows, columns, levels, more }: PairFacts, seed: number): TensorComparison {
  const random = new Random(seed);
  const count = Math.min(rows * columns, 4096);
  const x = Float64Array.from({ length: count }, () => 0.02 * random.gaussian());
  const step = levels ? (8 * 0.02) / levels : 0;
  const y = x.map((v) => (step ? Math.max(-levels / 2, Math.min(levels / 2 - 1, Math.round(v / step))) * step : v));
  const sum = (f: (i: number) => number) => x.reduce((total, _, i) => total + f(i), 0);
  const squaredError = sum((i) => (x[i] - y[i]) ** 2);
  const energy = sum((i) => x[i] ** 2);
  const mean = sum((i) => x[i]) / count;
  const relativeSquaredError = squaredError / energy;
  const loud = (n: number) => Array.from({ length: 16 }, (_, i) => ({ index: (37 * i + seed) % n, share: 0.09 / (i + 1) }));
  const worst = (n: number) => (step && rows > 1 ? loud(n) : []);
  return {
    a: { name: a, shape: rows > 1 ? [rows, columns] : [columns], encodingLabel: "BF16" },
    b: { name: b, shape: rows > 1 ? [rows, columns] : [columns], encodingLabel: step ? (levels > 16 ? "Q6_K" : "Q4_K") : "F32" },
    role, ...(layer !== undefined && { layer }), undone: [], count, nonFinite: 0, squaredError, relativeSquaredError,
    sqnr: squaredError === 0 ? Infinity : -10 * Math.log10(relativeSquaredError), mean, std: Math.sqrt(energy / count - mean * mean),
    maxDifference: Math.max(...x.map((v, i) => Math.abs(v - y[i]))),
    ...(rows > 1 && { worstOutputs: worst(rows), worstInputs: worst(columns) }),
    logHistogramA: histogramOf(x), logHistogramB: histogramOf(y), ...more,
  };
}

const modules = [
  ["self_attn.q_proj", "attn_q", "q", 256], ["self_attn.k_proj", "attn_k", "k", 128], ["self_attn.v_proj", "attn_v", "v", 128],
  ["self_attn.o_proj", "attn_output", "o", 256], ["mlp.gate_proj", "ffn_gate", "gate", 768], ["mlp.up_proj", "ffn_up", "up", 768],
  ["mlp.down_proj", "ffn_down", "down", 256],
] as const;

function llama(layers: number, quantized = true): TensorComparison[] {
  const levels = (i: number) => (quantized ? (i % 3 === 2 ? 64 : 16) : 0);
  const pairs: PairFacts[] = [
    { a: "model.embed_tokens.weight", b: "token_embd.weight", role: "embedding", rows: 512, columns: 256, levels: levels(2) },
    { a: "model.norm.weight", b: "output_norm.weight", role: "norm", rows: 1, columns: 256, levels: 0 },
  ];
  for (let layer = 0; layer < layers; layer++) {
    for (const [i, [hf, gguf, role, rows]] of modules.entries()) {
      pairs.push({
        a: `model.layers.${layer}.${hf}.weight`, b: `blk.${layer}.${gguf}.weight`, role, layer, rows, columns: role === "down" ? 768 : 256,
        levels: levels(layer + i), more: role === "q" || role === "k" ? { undone: ["rope"] } : {},
      });
    }
  }
  return pairs.map(made);
}

const missing: UnmatchedTensor[] = [
  { a: { name: "model.layers.0.self_attn.rotary_emb.inv_freq", shape: [16], encodingLabel: "F32" }, reason: "missing",
    message: "model.layers.0.self_attn.rotary_emb.inv_freq is in the first model only." },
  { a: { name: "lm_head.weight", shape: [512, 256], encodingLabel: "BF16" }, b: { name: "output.weight", shape: [520, 256], encodingLabel: "Q6_K" },
    reason: "shape", message: "lm_head.weight and output.weight: 512×256 against 520×256." },
];

let sevenLayers: TensorComparison[] | undefined;
const seven = () => (sevenLayers ??= llama(7));

interface Case {
  readonly pairs: readonly TensorComparison[];
  readonly unmatched: readonly UnmatchedTensor[];
  readonly failing?: readonly string[];
  readonly error?: EngineError;
}
const cases: Record<string, () => Case> = {
  llama: () => ({ pairs: llama(6), unmatched: missing }),
  identical: () => ({ pairs: llama(6, false), unmatched: [] }),
  "three-thousand": () => ({ pairs: Array.from({ length: 60 }, (_, i) => seven().map((p) => ({
    ...p, a: { ...p.a, name: p.a.name.replace("layers", `experts.${i}`) }, b: { ...p.b, name: `${i}.${p.b.name}` } }))).flat(), unmatched: missing }),
  broken: () => ({
    pairs: llama(2).map((p, i) => (i === 3 ? { ...p, nonFinite: 12, relativeSquaredError: Infinity, sqnr: -Infinity } : p)),
    failing: ["model.layers.1.mlp.down_proj.weight"], unmatched: [],
  }),
  unlike: () => ({ pairs: [], unmatched: [], error: new EngineError("bad-request",
    "These models (LlamaForCausalLM and gpt2) have nothing to compare: no tensor of the one has a counterpart in the other by name or role; choose two files of the same network.") }),
};

const model = (path: string, format: ComparedModel["format"]): ComparedModel =>
  ({ path, format, architecture: format === "gguf" ? "llama" : "LlamaForCausalLM", tensorCount: 45, parameterCount: 3_672_320, byteLength: 7_348_736 });

/** Takes the place of the API a webview gets, and of `window.harness`. */
export function compareHarness(deliver: (message: unknown) => void, posted: unknown[]): void {
  let comparison: Comparison | undefined;
  let step: () => void = () => {};
  const send = (message: ToComparePanel) => deliver(message);

  function engineOf({ pairs, unmatched, failing = [], error }: Case): Pick<Engine, "compare"> {
    return {
      async compare({ pathA, pathB }, onEvent, token) {
        if (error) throw error;
        const bytesOf = (p: TensorComparison) => 3 * p.count;
        const bytesTotal = pairs.reduce((n, p) => n + bytesOf(p), 0);
        let bytesDone = 0;
        const at = (i: number): Progress => ({ tensorsDone: i, tensorsTotal: pairs.length, bytesDone, bytesTotal, seconds: bytesDone / 1.1e9 });
        for (let i = 0; i < pairs.length;) {
          const n = await new Promise<number>((resolve) => {
            step = () => resolve(wanted);
            token?.onCancellationRequested(() => resolve(0));
            if (wanted > 0) resolve(wanted);
          });
          if (token?.isCancellationRequested) throw cancelled();
          wanted = 0;
          for (const end = Math.min(pairs.length, i + n); i < end; i++) {
            const pair = pairs[i];
            bytesDone += bytesOf(pair);
            const event: CompareEvent = failing.includes(pair.a.name)
              ? { kind: "failed", a: pair.a.name, b: pair.b.name, error: { code: "truncated", message: "The file ends before the tensor does.", place: {} }, progress: at(i + 1) }
              : { kind: "pair", comparison: pair, progress: at(i + 1) };
            onEvent(event);
          }
        }
        const good = pairs.filter((p) => !failing.includes(p.a.name));
        const squaredError = good.reduce((n, p) => n + p.squaredError, 0);
        const energy = good.reduce((n, p) => n + p.count * (p.std ** 2 + p.mean ** 2), 0);
        const lost = good.some((p) => p.nonFinite > 0) ? Infinity : squaredError / energy;
        const summary: CompareSummary = {
          a: model(pathA, "safetensors"), b: model(pathB, "gguf"), unmatched, squaredError, relativeSquaredError: lost,
          sqnr: lost === 0 ? Infinity : -10 * Math.log10(lost), failed: failing.length, progress: at(pairs.length),
        };
        return summary;
      },
    };
  }

  let wanted = 0;
  const harness = {
    posted,
    /** Opens two models, or one twice; `feed` compares them. */
    open(name: string, pathB = "/models/tale-Q4_K_M.gguf") {
      const engine = engineOf(cases[name]());
      comparison = new Comparison({ pathA: "/models/tale/model.safetensors", pathB }, {
        engine: async () => engine as Engine,
        log: () => {},
        changed(event) {
          if (event.kind === "cleared") harness.replay();
          else if (event.kind === "pair") send({ type: "pairs", pairs: [lightPair(event.pair)], failed: [] });
          else if (event.kind === "failed") send({ type: "pairs", pairs: [], failed: [event.pair] });
          else if (event.kind === "summary") send({ type: "summary", summary: comparison!.summary! });
          else if (event.kind === "outdated") send({ type: "outdated", files: comparison!.outdated });
          else send({ type: "status", status: comparison!.status });
        },
      });
      void comparison.run();
    },
    /** Compares so many more pairs. */
    feed(n = Infinity) {
      wanted = n;
      step();
    },
    /** What the watcher of both files found. */
    files: (found: FilesFound) => comparison?.filesChanged(found),
    status: (status: PanelStatus) => send({ type: "status", status }),
    replay() {
      if (!comparison) return;
      const { pathA, pathB, pairs, failed, summary, status, outdated } = comparison;
      send({ type: "models", pathA, pathB, compared: pairs.size + failed.length });
      send({ type: "pairs", pairs: [...pairs.values()].map(lightPair), failed });
      if (summary) send({ type: "summary", summary });
      send({ type: "outdated", files: outdated });
      send({ type: "status", status });
    },
    pairs: () => [...(comparison?.pairs.values() ?? [])].map((p) => pairKey(p.a.name, p.b.name)),
    sqnr: () => [...(comparison?.pairs.values() ?? [])].map((p) => [p.a.name, String(p.sqnr)]),
  };
  const key = "compare";
  Object.assign(window, {
    harness,
    acquireVsCodeApi: () => ({
      postMessage(message: FromComparePanel) {
        posted.push(message);
        if (message.type === "ready") queueMicrotask(() => harness.replay());
        if (message.type === "command" && message.command === "compare") void comparison?.run();
        if (message.type === "command" && message.command === "cancel") void comparison?.cancel();
        const pair = message.type === "detail" ? comparison?.pairs.get(message.pair) : undefined;
        if (pair) setTimeout(() => send({ type: "histograms", pair: pairKey(pair.a.name, pair.b.name), a: pair.logHistogramA, b: pair.logHistogramB }), 5);
      },
      getState: () => (JSON.parse(sessionStorage.getItem(key) ?? "null") as CompareState | null) ?? undefined,
      setState: (state: CompareState) => sessionStorage.setItem(key, JSON.stringify(state)),
    }),
  });
}
