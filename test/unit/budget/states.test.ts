import assert from "node:assert/strict";
import { emptyStates, keepLowest, valueOfRank } from "../../../src/budget/states";
import { Random } from "../../../src/core/math/prng";

const random = new Random(5);
const kinds: [string, (i: number, n: number) => number][] = [
  ["random", () => random.uniform()],
  ["few different", () => random.integer(3)],
  ["all equal", () => 7],
  ["ascending", (i) => i],
  ["descending", (i, n) => n - i],
  ["infinite ones", () => (random.integer(2) ? Infinity : random.integer(4))],
];

describe("the lowest of many", () => {
  for (const [name, value] of kinds) {
    it(`a value by its rank: ${name}`, () => {
      for (let n = 1; n < 60; n += 1 + random.integer(4)) {
        const values = Float64Array.from({ length: n }, (_, i) => value(i, n));
        const sorted = values.slice().sort();
        for (let rank = 0; rank < n; rank++) assert.equal(valueOfRank(values.slice(), n, rank), sorted[rank]);
      }
    });

    it(`states that stay, in their order: ${name}`, () => {
      for (let n = 2; n < 40; n++) {
        const bound = Float64Array.from({ length: n }, (_, i) => value(i, n));
        const count = 1 + random.integer(n - 1);
        const always = random.integer(n + 1) - 1;
        const states = {
          ...emptyStates(),
          count: n,
          bound: bound.slice(),
          bytes: Float64Array.from(bound, (_, i) => i),
          cost: new Float64Array(n),
          parent: Int32Array.from(bound, (_, i) => i),
          pick: new Uint16Array(n),
        };
        const kept = keepLowest(states, count, always);
        const places = [...states.bytes.subarray(0, states.count)];
        const lowest = [...bound.keys()].sort((a, b) => bound[a] - bound[b] || a - b).slice(0, count);
        const expected = [...new Set(always < 0 ? lowest : [...lowest, always])].sort((a, b) => a - b);
        assert.deepEqual(places, expected);
        assert.deepEqual([...states.parent.subarray(0, states.count)], expected);
        assert.equal(kept.always, expected.indexOf(always));
        const others = [...bound].filter((_, i) => !expected.includes(i));
        assert.equal(kept.leastDropped, Math.min(Infinity, ...others));
      }
    });
  }
});
