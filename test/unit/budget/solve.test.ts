import assert from "node:assert/strict";
import type { Constraints } from "../../../src/budget/constraints";
import { type BudgetItem, fusedGroups } from "../../../src/budget/items";
import { assignmentPlan, prepareBudget, uniformPlan } from "../../../src/budget/solve";
import { Random } from "../../../src/core/math/prng";
import { randomItems, transformerItems } from "../../builders/budgetItems";

/** Least error of all assignments within the budget that `allowed` lets through. */
function bruteForce(
  items: readonly BudgetItem[],
  budget: number,
  allowed: (names: readonly string[]) => boolean = () => true,
): number {
  let best = Infinity;
  const chosen: string[] = [];
  const go = (i: number, bytes: number, error: number): void => {
    if (bytes > budget) return;
    if (i === items.length) {
      if (error < best && allowed(chosen)) best = error;
      return;
    }
    for (const c of items[i].candidates) {
      chosen[i] = c.encoding;
      go(i + 1, bytes + c.bytes, error + c.error);
    }
  };
  go(0, 0, 0);
  return best;
}

const close = (a: number, b: number) => Math.abs(a - b) <= 1e-9 * (1 + Math.abs(b));
const encodingOf = (plan: { choices: readonly { name: string; encoding: string }[] }, name: string) =>
  plan.choices.find((c) => c.name === name)!.encoding;

describe("bit budget", () => {
  for (const kind of ["fine", "coarse", "ties"] as const) {
    it(`finds the least error of all assignments: ${kind} sizes`, () => {
      const random = new Random(kind.length);
      for (let t = 0; t < 150; t++) {
        const items = randomItems(random, kind);
        const prepared = prepareBudget(items);
        for (let q = 0; q < 6; q++) {
          const budget = prepared.minimum + random.integer(prepared.maximum - prepared.minimum + 3);
          const plan = prepared.solve(budget);
          const best = bruteForce(items, budget);
          assert.ok(close(plan.error, best), `budget ${budget}: ${plan.error}, best ${best}\n${JSON.stringify(items)}`);
          assert.ok(plan.exact && plan.bytes <= budget && plan.lowerBound === plan.error);
          const again = assignmentPlan(items, (_, i) => plan.choices[i].encoding);
          assert.deepEqual([again.bytes, again.error], [plan.bytes, plan.error], "the totals are those of the choices");
        }
      }
    });
  }

  it("more bytes never make it worse", () => {
    const random = new Random(8);
    for (let t = 0; t < 30; t++) {
      const prepared = prepareBudget(randomItems(random, "coarse"));
      let last = Infinity;
      for (let budget = prepared.minimum; budget <= prepared.maximum + 1; budget++) {
        const { error } = prepared.solve(budget);
        assert.ok(error <= last + 1e-12);
        last = error;
      }
    }
  });

  it("even without effort the bound holds, and effort closes the gap", () => {
    const items = transformerItems(40, 12);
    const prepared = prepareBudget(items);
    for (let q = 1; q < 20; q++) {
      const budget = Math.round(prepared.minimum + ((prepared.maximum - prepared.minimum) * q) / 20) + 7;
      const quick = prepared.solve(budget, { effort: 0 });
      const best = prepared.solve(budget, { effort: 5e6 });
      assert.ok(best.exact, "closed");
      assert.ok(quick.lowerBound <= best.error * (1 + 1e-12) && best.error <= quick.error * (1 + 1e-12));
      assert.ok(quick.bytes <= budget && best.bytes <= budget);
      assert.ok(quick.error - quick.lowerBound <= 1e-3 * quick.error, "the gap is small from the start");
    }
  });

  it("a thousand tensors: the stated gap is far below what a chart shows", () => {
    const prepared = prepareBudget(transformerItems(143, 20));
    const { bytes, error } = prepared.paretoCurve();
    for (let q = 1; q < 10; q++) {
      const budget = Math.round(prepared.minimum + ((prepared.maximum - prepared.minimum) * q) / 10);
      const plan = prepared.solve(budget);
      assert.ok(plan.error - plan.lowerBound <= 1e-4 * plan.error);
      // The next vertex above the budget is a bound of its own.
      const next = bytes.findIndex((b) => b > budget);
      assert.ok(plan.error >= error[next] && plan.error <= error[next - 1] + 1e-12);
    }
  });

  it("the Pareto curve is convex, falls, and every point of it is an optimum", () => {
    const prepared = prepareBudget(transformerItems(3, 6));
    const { bytes, error } = prepared.paretoCurve();
    assert.equal(bytes[0], prepared.minimum);
    assert.equal(bytes[bytes.length - 1], prepared.maximum);
    let slope = Infinity;
    for (let i = 1; i < bytes.length; i++) {
      const next = (error[i - 1] - error[i]) / (bytes[i] - bytes[i - 1]);
      assert.ok(next > 0 && next <= slope * (1 + 1e-6));
      slope = next;
      const plan = prepared.solve(bytes[i]);
      assert.ok(plan.exact && plan.bytes === bytes[i] && Math.abs(plan.error - error[i]) <= 1e-9 * error[0]);
    }
  });

  it("ends: the smallest possible, the largest, and one byte too little", () => {
    const prepared = prepareBudget(transformerItems(2, 5));
    assert.ok(prepared.solve(prepared.minimum).choices.every((c) => c.encoding === "e0"));
    for (const budget of [prepared.maximum, 1e15, Infinity]) {
      const plan = prepared.solve(budget);
      assert.ok(plan.exact && plan.bytes === prepared.maximum && plan.choices.every((c) => c.encoding === "e4"));
    }
    for (const budget of [prepared.minimum - 1, 0, -5, NaN]) {
      assert.throws(() => prepared.solve(budget), {
        code: "bad-request",
        message: new RegExp(`smallest possible is .*\\(${prepared.minimum} bytes\\)`),
      });
    }
  });

  it("encodings that are larger without being better are never chosen", () => {
    const items: BudgetItem[] = [
      {
        name: "a",
        elementCount: 8,
        candidates: [
          { encoding: "small", bytes: 1, error: 2 },
          { encoding: "useless", bytes: 5, error: 3 },
          { encoding: "same", bytes: 4, error: 2 },
          { encoding: "good", bytes: 8, error: 1 },
        ],
      },
    ];
    const prepared = prepareBudget(items);
    assert.deepEqual(
      [1, 5, 7, 8, 9].map((b) => prepared.solve(b).choices[0].encoding),
      ["small", "small", "small", "good", "good"],
    );
  });

  it("an option off the convex hull is chosen when it fits best", () => {
    const items: BudgetItem[] = [
      {
        name: "a",
        elementCount: 8,
        candidates: [
          { encoding: "0", bytes: 0, error: 10 },
          { encoding: "1", bytes: 5, error: 6 },
          { encoding: "2", bytes: 10, error: 0 },
        ],
      },
    ];
    assert.equal(prepareBudget(items).solve(9).choices[0].encoding, "1");
  });

  it("a model without quantizable tensors has an empty plan", () => {
    const prepared = prepareBudget([]);
    assert.deepEqual(
      [prepared.minimum, prepared.maximum, prepared.solve(0).choices.length, prepared.paretoCurve().bytes.length],
      [0, 0, 0, 1],
    );
  });

  it("the same question has the same answer", () => {
    const prepared = prepareBudget(transformerItems(20, 10));
    const budget = Math.round((prepared.minimum + prepared.maximum) / 3);
    assert.deepEqual(prepared.solve(budget), prepareBudget(transformerItems(20, 10)).solve(budget));
  });
});

describe("bit budget under constraints", () => {
  const items = transformerItems(2, 5); // e0 … e4 of 1.125, 2.97, 4.81, 6.66, 8.5 bits
  const middle = (constraints: Constraints) => {
    const prepared = prepareBudget(items, constraints);
    return prepared.solve(Math.round((prepared.minimum + prepared.maximum) / 2));
  };

  it("locks hold, by pattern, by role and by both, and the last one counts", () => {
    const plan = middle({
      locks: [
        { role: "v", encoding: "e4" },
        { match: "blk.1.*", role: "v", encoding: "e0" },
        { match: "blk.0.q.weight", encoding: "e1" },
      ],
    });
    assert.deepEqual(
      ["blk.0.v.weight", "blk.1.v.weight", "blk.0.q.weight"].map((n) => encodingOf(plan, n)),
      ["e4", "e0", "e1"],
    );
  });

  it("bits stay within their limits, and all limits count", () => {
    const plan = middle({ limits: [{ minBits: 2 }, { role: "down", minBits: 4.8125 }, { match: "blk.0.*", maxBits: 5 }] });
    for (const { name, encoding } of plan.choices) {
      assert.notEqual(encoding, "e0");
      if (name.includes("down")) assert.notEqual(encoding, "e1");
      if (name.startsWith("blk.0.")) assert.ok(encoding < "e3");
    }
  });

  it("a locked tensor is free of limits", () => {
    const plan = middle({
      limits: [{ minBits: 8 }, { match: "*.q.weight", minBits: 20 }],
      locks: [{ role: "q", encoding: "e0" }],
    });
    assert.equal(encodingOf(plan, "blk.1.q.weight"), "e0");
    assert.equal(encodingOf(plan, "blk.1.k.weight"), "e4");
  });

  it("fused tensors agree, and groups that overlap are one", () => {
    const groups = fusedGroups(items);
    assert.deepEqual(groups[0], ["blk.0.q.weight", "blk.0.k.weight", "blk.0.v.weight"]);
    assert.deepEqual(groups[1], ["blk.0.gate.weight", "blk.0.up.weight"]);
    assert.equal(groups.length, 4);
    const plan = middle({ agree: groups });
    for (const group of groups) assert.equal(new Set(group.map((n) => encodingOf(plan, n))).size, 1);
    const joined = middle({ agree: [...groups, ["blk.0.q.weight", "blk.1.q.weight"]] });
    assert.equal(encodingOf(joined, "blk.0.v.weight"), encodingOf(joined, "blk.1.k.weight"));
  });

  it("all matrices of all experts of a layer are one, those beside them are not", () => {
    const expert = (role: "gate" | "down", layer: number, n?: number) => ({ name: `${layer}.${role}${n ?? ""}`, role, layer, expert: n });
    assert.deepEqual(fusedGroups([expert("gate", 0, 0), expert("down", 0, 1), expert("gate", 1, 0), expert("down", 1, 0), expert("gate", 0)]), [
      ["0.gate0", "0.down1"],
      ["1.gate0", "1.down0"],
    ]);
  });

  it("is the best of the assignments that keep to the constraints", () => {
    const random = new Random(21);
    for (let t = 0; t < 120; t++) {
      const few = transformerItems(1, 4, t + 1).slice(0, 5);
      const constraints: Constraints = {
        agree: [["blk.0.q.weight", "blk.0.k.weight", "blk.0.v.weight"]],
        locks: [{ match: "*.o.weight", encoding: "e2" }],
        limits: [{ role: "gate", minBits: 2 }],
      };
      const prepared = prepareBudget(few, constraints);
      const budget = prepared.minimum + random.integer(prepared.maximum - prepared.minimum);
      const best = bruteForce(few, budget, ([q, k, v, o, gate]) => q === k && k === v && o === "e2" && gate !== "e0");
      assert.ok(close(prepared.solve(budget).error, best));
    }
  });

  it("after any locks and limits it is as if prepared anew", () => {
    const random = new Random(34);
    const many = transformerItems(6, 7);
    const agree = fusedGroups(many).slice(0, 5);
    let prepared = prepareBudget(many, { agree });
    let refused = 0;
    for (let t = 0; t < 60; t++) {
      const pick = () => many[random.integer(many.length)];
      const constraints: Constraints = {
        locks: Array.from({ length: random.integer(4) }, () => ({ match: pick().name, encoding: `e${random.integer(7)}` })),
        limits: Array.from({ length: random.integer(3) }, () => ({ role: pick().role, minBits: random.integer(5), maxBits: 5 + random.integer(6) })),
      };
      let anew;
      try {
        anew = prepareBudget(many, { ...constraints, agree });
      } catch (error) {
        refused++;
        assert.throws(() => prepared.restricted(constraints), { message: (error as Error).message });
        continue;
      }
      prepared = prepared.restricted(constraints);
      assert.deepEqual(prepared.paretoCurve(), anew.paretoCurve());
      const budget = anew.minimum + random.integer(Math.max(1, anew.maximum - anew.minimum));
      assert.deepEqual(prepared.solve(budget), anew.solve(budget));
    }
    assert.ok(refused > 0 && refused < 50, String(refused));
  });

  const impossible: [string, Constraints, RegExp][] = [
    [
      "a lock that matches nothing",
      { locks: [{ match: "layers.*", encoding: "e0" }] },
      /The lock on "layers\.\*" matches no tensor/,
    ],
    [
      "a lock on a role that is not there",
      { locks: [{ role: "router", encoding: "e0" }] },
      /The lock on role router matches no tensor/,
    ],
    [
      "a limit that matches nothing",
      { limits: [{ match: "x", role: "q", minBits: 1 }] },
      /The limit on "x" with role q matches no tensor/,
    ],
    [
      "a lock on an encoding that the tensor cannot take",
      { locks: [{ match: "blk.0.q.weight", encoding: "q9" }] },
      /blk\.0\.q\.weight cannot be locked to q9; it can be e0, e1, e2, e3, e4/,
    ],
    [
      "limits that leave nothing",
      { limits: [{ match: "blk.0.q.weight", minBits: 3, maxBits: 4 }] },
      /leave nothing for blk\.0\.q\.weight: of 3 to 4 bits .*, the nearest are 2\.97 and 4\.81; widen/,
    ],
    [
      "a limit above the largest",
      { limits: [{ role: "q", minBits: 9 }] },
      /leave nothing for blk\.0\.q\.weight: of at least 9 bits .*, the largest possible is 8\.50;/,
    ],
    [
      "a limit below the smallest",
      { limits: [{ match: "blk.1.*", maxBits: 1 }] },
      /leave nothing for blk\.1\.q\.weight: of at most 1 bits .*, the smallest possible is 1\.13;/,
    ],
    [
      "limits that cross",
      { limits: [{ role: "q", minBits: 5 }, { match: "*.q.*", maxBits: 4 }] },
      /of 5 to 4 bits .*, the least is above the most;/,
    ],
    [
      "locks against agreement",
      {
        locks: [
          { match: "blk.0.q.weight", encoding: "e1" },
          { match: "blk.0.k.weight", encoding: "e2" },
        ],
        agree: [["blk.0.q.weight", "blk.0.k.weight"]],
      },
      /blk\.0\.q\.weight \(e1\), blk\.0\.k\.weight \(e2\) must share one encoding/,
    ],
    [
      "a pattern that is not one",
      { locks: [{ match: "blk.[0", encoding: "e0" }] },
      /The tensor pattern "blk\.\[0" is not understood/,
    ],
    ["an empty pattern", { locks: [{ match: "", encoding: "e0" }] }, /pattern is empty/],
  ];
  for (const [name, constraints, message] of impossible) {
    it(`refused in one sentence: ${name}`, () =>
      assert.throws(() => prepareBudget(items, constraints), { code: "bad-request", message }));
  }

  const candidates = [{ encoding: "a", bytes: 1, error: 1 }];
  const broken: [string, BudgetItem[]][] = [
    [
      "stands in it twice",
      [
        { name: "a", elementCount: 1, candidates },
        { name: "a", elementCount: 1, candidates },
      ],
    ],
    ["has no elements", [{ name: "a", elementCount: 0, candidates }]],
    ["has no encodings", [{ name: "a", elementCount: 1, candidates: [] }]],
    ["takes -1 bytes", [{ name: "a", elementCount: 1, candidates: [{ encoding: "b", bytes: -1, error: 0 }] }]],
    ["takes 0.5 bytes", [{ name: "a", elementCount: 1, candidates: [{ encoding: "b", bytes: 0.5, error: 0 }] }]],
    ["has the error NaN", [{ name: "a", elementCount: 1, candidates: [{ encoding: "b", bytes: 1, error: NaN }] }]],
    ["has the error Infinity", [{ name: "a", elementCount: 1, candidates: [{ encoding: "b", bytes: 1, error: Infinity }] }]],
  ];
  for (const [what, list] of broken) {
    it(`a table that ${what} is refused`, () =>
      assert.throws(() => prepareBudget(list), {
        code: "bad-request",
        message: new RegExp(`unusable: a .*${what}|unusable: a ${what}`),
      }));
  }
});

describe("uniform plans", () => {
  it("everything in one encoding; tensors without it get the next larger one, and are told", () => {
    const items: BudgetItem[] = [
      {
        name: "a",
        elementCount: 80,
        candidates: [
          { encoding: "q4", bytes: 45, error: 4 },
          { encoding: "q8", bytes: 85, error: 1 },
        ],
      },
      {
        name: "b",
        elementCount: 80,
        candidates: [
          { encoding: "q2", bytes: 22, error: 9 },
          { encoding: "q5", bytes: 55, error: 3 },
          { encoding: "q8", bytes: 85, error: 2 },
        ],
      },
      { name: "c", elementCount: 80, candidates: [{ encoding: "q2", bytes: 22, error: 9 }] },
    ];
    const plan = uniformPlan(items, "q4");
    assert.deepEqual(
      plan.choices.map((c) => c.encoding),
      ["q4", "q5", "q2"],
    );
    assert.deepEqual([plan.bytes, plan.error, plan.fallbacks], [122, 16, ["b", "c"]]);
    assert.throws(() => uniformPlan(items, "q3"), { code: "bad-request", message: "No tensor can be stored as q3." });
  });

  it("at its bytes the solver is at least as good", () => {
    const items = transformerItems(4, 8);
    const prepared = prepareBudget(items);
    for (let e = 0; e < 8; e++) {
      const uniform = uniformPlan(items, `e${e}`);
      assert.ok(prepared.solve(uniform.bytes).error <= uniform.error * (1 + 1e-12));
    }
  });
});
