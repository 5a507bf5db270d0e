import assert from "node:assert/strict";
import type { Engine, UniformPoint } from "../../../src/core/api/engine";
import type { BudgetAction } from "../../../src/core/api/panel";
import { cancelled, EngineError } from "../../../src/core/errors";
import type { FormatName } from "../../../src/core/model";
import type { Recipe } from "../../../src/core/recipe";
import type { SensitivityTable } from "../../../src/core/sensitivity";
import { applyRecipe } from "../../../src/budget/apply";
import { BudgetSession } from "../../../src/vscode/budgetSession";
import type { StoredBudget } from "../../../src/vscode/budgetState";
import { sensitiveTensor, sensitivityTable } from "../../builders/sensitivity";

const tensors = [
  sensitiveTensor("blk.0.q", { role: "q", layer: 0, loud: 9 }),
  sensitiveTensor("blk.0.k", { role: "k", layer: 0 }),
  sensitiveTensor("blk.0.v", { role: "v", layer: 0, bits: [4, 8] }),
  sensitiveTensor("blk.0.down", { role: "down", layer: 0, loud: 100 }),
];
const elements = 4000;

interface Options {
  readonly remembered?: boolean;
  readonly targets?: readonly FormatName[];
  readonly sensitivity?: Engine["sensitivity"];
  readonly table?: (target: FormatName) => SensitivityTable;
  readonly uniforms?: readonly UniformPoint[];
  /** Bytes of the file that a recipe gives. */
  readonly fileOf?: (recipe: Recipe) => number;
}

function make({ remembered = true, targets = ["gguf"], table = (t) => sensitivityTable(tensors, t), sensitivity, uniforms = [], fileOf }: Options = {}) {
  const events: string[] = [];
  const kept: StoredBudget[] = [];
  const asked: string[] = [];
  const session = new BudgetSession({
    path: "/m/a.safetensors",
    engine: async () => ({
      sensitivity:
        sensitivity ??
        (async (request) => {
          asked.push(`${request.target}${request.rememberedOnly ? " remembered" : ""}`);
          if (request.rememberedOnly && !remembered) throw new EngineError("not-found", "no");
          return table(request.target);
        }),
      pareto: async ({ target }) => ({ target, curve: [], uniforms }),
      check: async (_path, recipe) => ({ findings: [], ...(fileOf && { byteLength: fileOf(recipe) }) }),
    }),
    facts: () => ({ parameterCount: elements, targets }),
    changed: (what) => events.push(what === "plan" ? "plan" : `budget ${session.view?.state.kind}`),
    keep: (stored) => kept.push(stored),
  }, { settle: 0 });
  const act = async (...actions: BudgetAction[]) => {
    for (const action of actions) await session.apply(action);
  };
  const encodings = () => tensors.map((t, i) => t.candidates[session.plan!.choices[i]].encoding);
  return { session, events, kept, asked, act, encodings };
}

describe("the budget of a document", () => {
  it("opens at once where the errors are remembered", async () => {
    const { session, events, asked, act } = make();
    assert.equal(session.view, undefined);
    await act({ kind: "open" });
    assert.deepEqual(asked, ["gguf remembered"]);
    assert.deepEqual(events.slice(-2), ["budget ready", "plan"]);
    assert.ok(session.plan!.byteLength <= session.plan!.fileBytes);
  });

  it("measures only when asked", async () => {
    const { session, asked, act, events } = make({ remembered: false });
    await act({ kind: "open" });
    assert.deepEqual(session.view!.state, { kind: "unmeasured", error: undefined });
    await act({ kind: "open" });
    assert.deepEqual(asked, ["gguf remembered"]);
    await act({ kind: "measure" });
    assert.equal(session.measuring, false, "what is measured is no longer being measured");
    assert.deepEqual(asked, ["gguf remembered", "gguf"]);
    assert.ok(events.includes("budget measuring"));
    assert.equal(session.view!.state.kind, "ready");
  });

  it("a cancelled measurement can be started again, a failed one says why", async () => {
    let mode: "wait" | "fail" | "work" = "wait";
    let started = () => {};
    const waiting = new Promise<void>((resolve) => (started = resolve));
    const { session, act } = make({
      sensitivity: async (request, _onProgress, token) => {
        if (request.rememberedOnly) throw new EngineError("not-found", "no");
        if (mode === "fail") throw new EngineError("io", "The disk is gone.");
        if (mode === "work") return sensitivityTable(tensors);
        return new Promise((_, reject) => {
          token?.onCancellationRequested(() => reject(cancelled()));
          started();
        });
      },
    });
    await act({ kind: "open" });
    const measuring = session.measure();
    await waiting;
    assert.equal(session.measuring, true);
    await act({ kind: "cancel" });
    assert.equal(session.measuring, false, "a cancelled run counts no longer");
    await measuring;
    assert.deepEqual(session.view!.state, { kind: "unmeasured", error: undefined });
    assert.equal(session.measuring, false);
    mode = "fail";
    await act({ kind: "measure" });
    const { state } = session.view!;
    assert.equal(state.kind === "unmeasured" && state.error?.message, "The disk is gone.");
    mode = "work";
    await act({ kind: "measure" });
    assert.equal(session.view!.state.kind, "ready");
  });

  it("more bytes never mean more error, and every plan keeps within its size", async () => {
    const { session, act } = make();
    await act({ kind: "open" });
    let before = Infinity;
    for (let fileBytes = session.plan!.minimum; fileBytes <= session.plan!.maximum; fileBytes += 97) {
      await act({ kind: "size", fileBytes, final: true });
      assert.ok(session.plan!.byteLength <= fileBytes);
      assert.ok(session.plan!.squaredError <= before);
      before = session.plan!.squaredError;
    }
  });

  it("a locked tensor keeps its encoding at any size, and undo frees it", async () => {
    const { session, act, encodings } = make();
    await act({ kind: "open" }, { kind: "lock", tensor: "blk.0.down", encoding: "b2" });
    for (const fileBytes of [session.plan!.minimum, session.plan!.maximum]) {
      await act({ kind: "size", fileBytes, final: true });
      assert.equal(encodings()[3], "b2");
    }
    assert.deepEqual(session.plan!.locked, [3]);
    await act({ kind: "undo" }, { kind: "undo" }, { kind: "undo" });
    assert.deepEqual(session.plan!.locked, []);
    assert.equal(session.plan!.canRedo, true);
  });

  it("a size that the locks make impossible becomes the smallest possible, and says so", async () => {
    const { session, act } = make();
    await act({ kind: "open" }, { kind: "size", fileBytes: 1300, final: true }, { kind: "lock", tensor: "blk.0.q", encoding: "keep" });
    const { byteLength, minimum, fileBytes } = session.plan!;
    assert.deepEqual([byteLength, fileBytes], [minimum, 1300]);
    assert.ok(minimum > 1300);
  });

  it("tensors that vLLM fuses are locked as one, and only where all can take the encoding", async () => {
    const { session, act, encodings } = make({ targets: ["safetensors"] });
    await act({ kind: "open" }, { kind: "lock", tensor: "blk.0.k", encoding: "b2" });
    assert.deepEqual(session.plan!.locked, []);
    assert.match(session.plan!.refused!, /^blk\.0\.v cannot be stored as b2, and blk\.0\.q, blk\.0\.k, blk\.0\.v must share one/);
    await act({ kind: "lock", tensor: "blk.0.k", encoding: "b4" });
    assert.deepEqual(session.plan!.locked, [0, 1, 2]);
    assert.equal(session.plan!.refused, undefined);
    const { state } = session.view!;
    assert.deepEqual(state.kind === "ready" && state.groups, [[0, 1, 2]]);
    assert.deepEqual(encodings().slice(0, 3), ["b4", "b4", "b4"]);
    await act({ kind: "lock", tensor: "blk.0.v" });
    assert.deepEqual(session.plan!.locked, []);
  });

  const bits = (session: BudgetSession, i: number) => (8 * tensors[i].candidates[session.plan!.choices[i]].bytes) / tensors[i].elementCount;

  it("limits of a role and of a tensor hold at any size, undo takes them back, and the recipe is their outcome", async () => {
    const { session, act, encodings } = make();
    await act({ kind: "open" }, { kind: "limit", role: "q", minBits: 4 }, { kind: "limit", tensor: "blk.0.down", maxBits: 4 });
    for (const fileBytes of [session.plan!.minimum, session.plan!.maximum]) {
      await act({ kind: "size", fileBytes, final: true });
      assert.ok(bits(session, 0) >= 4 && bits(session, 3) <= 4);
    }
    assert.equal(encodings()[3], "b4");
    const { assignments } = applyRecipe(
      session.recipe(),
      tensors.map(({ name, candidates }) => ({ name, candidates: candidates.map((c) => c.encoding) })),
    );
    assert.equal(assignments[3].encoding, "b4");
    await act({ kind: "undo" }, { kind: "undo" }, { kind: "undo" });
    assert.deepEqual(session.plan!.limits, [{ role: "q", minBits: 4 }]);
    await act({ kind: "undo" });
    assert.deepEqual(session.plan!.limits, []);
  });

  /** The table's count with 10 bytes more per tensor that changes. */
  const withHeaders = (recipe: Recipe): number => {
    const { assignments } = applyRecipe(
      recipe,
      tensors.map(({ name, candidates }) => ({ name, candidates: candidates.map((c) => c.encoding) })),
    );
    return assignments.reduce((sum, { encoding }, i) => sum + tensors[i].candidates.find((c) => c.encoding === encoding)!.bytes + (encoding === "keep" ? 0 : 10), 100);
  };
  const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

  it("a settled plan's size is that of its file, headers included, and keeps within what was asked", async () => {
    const { session, act } = make({ fileOf: withHeaders });
    await act({ kind: "open" });
    for (let fileBytes = session.plan!.minimum + 40; fileBytes < session.plan!.maximum; fileBytes += 171) {
      await act({ kind: "size", fileBytes, final: true });
      await settled();
      assert.equal(session.plan!.byteLength, withHeaders(session.recipe()));
      assert.ok(session.plan!.byteLength <= fileBytes, `${session.plan!.byteLength} of ${fileBytes}`);
    }
    await act({ kind: "size", fileBytes: 1, final: true });
    await settled();
    assert.equal(session.plan!.byteLength, session.plan!.minimum + 40, "the smallest file, headers included");
  });

  it("limits that leave nothing change nothing, and say how far one can go", async () => {
    const { session, act } = make();
    await act({ kind: "open" }, { kind: "limit", role: "q", minBits: 17 });
    assert.match(session.plan!.refused!, /of at least 17 bits .* the largest possible is 16\.00/);
    assert.deepEqual([session.plan!.limits, session.plan!.canUndo], [[], false]);
    await act({ kind: "limit", role: "q", maxBits: 1 });
    assert.match(session.plan!.refused!, /the smallest possible is 2\.00/);
    await act({ kind: "size", fileBytes: 2000, final: true });
    assert.equal(session.plan!.refused, undefined);
  });

  it("uniform encodings stand beside the plan under its own locks and limits", async () => {
    const choices = [1, 1, 0, 1]; // b4 everywhere
    const uniforms = [{ name: "b4", label: "B4", byteLength: 100 + 2000, squaredError: 1, bestSquaredError: 1, choices }];
    const { session, act } = make({ uniforms });
    await act({ kind: "open" });
    assert.equal(session.plan!.uniforms, undefined);
    await act({ kind: "lock", tensor: "blk.0.k", encoding: "b2" }, { kind: "limit", role: "down", minBits: 5 });
    const [point] = session.plan!.uniforms!;
    assert.equal(point.byteLength, 100 + 500 + 250 + 500 + 1000);
    await act({ kind: "size", fileBytes: point.byteLength, final: true });
    assert.ok(session.plan!.squaredError <= point.bestSquaredError && point.bestSquaredError <= point.squaredError);
    await act({ kind: "unlockAll" });
    assert.equal(session.plan!.uniforms, undefined);
    const { state } = session.view!;
    assert.ok(state.kind === "ready" && !("choices" in state.uniforms[0]));
  });

  it("the recipe gives exactly the plan", async () => {
    const { session, act, encodings } = make();
    await act({ kind: "open" });
    for (const fileBytes of [1200, 2000, 3000, 5000]) {
      await act({ kind: "size", fileBytes, final: true });
      const { assignments } = applyRecipe(
        session.recipe(),
        tensors.map(({ name, candidates }) => ({ name, candidates: candidates.map((c) => c.encoding) })),
      );
      assert.deepEqual(
        assignments.map((a) => a.encoding),
        encodings(),
      );
    }
  });

  it("without a plan there is no recipe", () => {
    assert.throws(() => make().session.recipe(), /no plan yet/);
  });

  it("decisions return in another window; locks that no longer fit are dropped", async () => {
    const first = make({ targets: ["safetensors", "gguf"] });
    await first.act(
      { kind: "open" },
      { kind: "target", target: "gguf" },
      { kind: "size", fileBytes: 2500, final: true },
      { kind: "lock", tensor: "blk.0.down", encoding: "b8" },
    );
    const stored = JSON.parse(JSON.stringify(first.kept.at(-1))) as StoredBudget;
    const gguf = stored.choices.find((c) => c.target === "gguf")!;
    const locks = [...gguf.locks, ["gone", "b4"], ["blk.0.v", "b2"]] as [string, string][];
    const limits = [{ role: "q", maxBits: 4 }, { role: "head", minBits: 4 }, { tensor: "gone", minBits: 4 }] as const;
    const second = make({ targets: ["safetensors", "gguf"] });
    second.session.restore({ ...stored, choices: [{ ...gguf, locks, limits }] });
    await second.act({ kind: "open" });
    assert.equal(second.session.target, "gguf");
    assert.deepEqual(second.session.plan!.locked, [3]);
    assert.deepEqual(second.session.plan!.limits, [limits[0]]);
    assert.equal(second.session.plan!.fileBytes, 2500);
  });

  it("each target has its own decisions, and going back costs nothing", async () => {
    const { session, act, asked } = make({ targets: ["safetensors", "gguf"] });
    await act({ kind: "open" }, { kind: "size", fileBytes: 2000, final: true }, { kind: "target", target: "gguf" });
    await act({ kind: "size", fileBytes: 3000, final: true }, { kind: "target", target: "safetensors" });
    assert.equal(session.plan!.fileBytes, 2000);
    assert.equal(asked.length, 2);
    await act({ kind: "target", target: "onnx" });
    assert.equal(session.target, "safetensors");
  });

  it("a changed file is measured anew, what was decided stays", async () => {
    let loud = 1;
    const louder = () => tensors.map((x) => ({ ...x, candidates: x.candidates.map((c) => ({ ...c, squaredError: loud * c.squaredError })) }));
    const { session, act } = make({ table: (t) => sensitivityTable(louder(), t) });
    await act({ kind: "open" }, { kind: "size", fileBytes: 2222, final: true });
    const before = session.plan!.squaredError;
    session.clear();
    loud = 2;
    await session.refresh();
    assert.equal(session.plan!.fileBytes, 2222);
    assert.equal(session.plan!.squaredError, 2 * before);
  });
});
