import assert from "node:assert/strict";
import {
  fwht,
  hadamardMatrix,
  mixingPlan,
  multiplyInput,
  RandomMixing,
  randomOrthogonal,
  rotateInput,
  rotateOutput,
} from "../../../src/transforms/hadamard";
import { energy, gaussians } from "../../builders/random";

describe("Hadamard matrices and transforms", () => {
  it("every constructed matrix up to order 256 and the large ones in use have HHᵀ = nI in integers", () => {
    const orders = [1, 2, ...Array.from({ length: 64 }, (_, i) => 4 * (i + 1)), 344];
    const missing: number[] = [];
    for (const n of orders) {
      const h = hadamardMatrix(n);
      if (!h) {
        missing.push(n);
        continue;
      }
      for (let i = 0; i < n; i++) {
        for (let j = i; j < n; j++) {
          let dot = 0;
          for (let k = 0; k < n; k++) dot += h[i * n + k] * h[j * n + k];
          if (dot !== (i === j ? n : 0)) assert.fail(`order ${n}: rows ${i} and ${j} have the product ${dot}`);
        }
      }
    }
    assert.deepEqual(missing, [92, 116, 156, 172, 184, 188, 232, 236], "orders beyond Paley's constructions");
  });

  it("prime powers 27, 25 and 343 are fields: orders 28, 52 and 344 come from them", () => {
    for (const n of [28, 52, 344]) assert.ok(hadamardMatrix(n), `order ${n}`);
  });

  it("the fast transform is the Kronecker power of [[1,1],[1,−1]] and undoes itself", () => {
    const x = Float64Array.from({ length: 16 }, (_, i) => Math.sin(i + 1));
    const y = x.slice();
    fwht(y);
    for (let i = 0; i < 16; i++) {
      let want = 0;
      for (let j = 0; j < 16; j++) want += x[j] * (popcount(i & j) % 2 ? -1 : 1);
      assert.ok(Math.abs(y[i] - want) < 1e-13);
    }
    fwht(y);
    for (let i = 0; i < 16; i++) assert.ok(Math.abs(y[i] / 16 - x[i]) < 1e-15);
  });

  it("a part of a longer array is transformed without touching the rest", () => {
    const x = Float64Array.from({ length: 12 }, (_, i) => i);
    fwht(x, 4, 4);
    assert.deepEqual([...x], [0, 1, 2, 3, 22, -2, -4, 0, 8, 9, 10, 11]);
  });

  const sizes: [number, "hadamard" | "dct", number][] = [
    [1, "hadamard", 1],
    [4096, "hadamard", 1],
    [576, "hadamard", 36],
    [896, "hadamard", 28],
    [5632, "hadamard", 44],
    [11008, "hadamard", 344],
    [13824, "hadamard", 108],
    [4864, "hadamard", 76],
    [14336, "hadamard", 28],
    [7, "dct", 7],
    [92, "dct", 23],
  ];
  for (const [n, kind, odd] of sizes) {
    it(`mixing ${n} coordinates is orthogonal (${kind} of ${odd})`, () => {
      const plan = mixingPlan(n);
      assert.deepEqual([plan.kind, plan.odd, plan.odd * plan.power], [kind, odd, n]);
      const mixing = new RandomMixing(n, 5);
      const x = Float64Array.from(gaussians(n, 1));
      const z = Float64Array.from(gaussians(n, 2));
      const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, v, i) => sum + v * b[i], 0);
      const before = dot(x, z);
      const y = x.slice();
      mixing.apply(y);
      mixing.apply(z);
      assert.ok(Math.abs(energy(y) / energy(x) - 1) < 1e-12, "lengths stay");
      assert.ok(Math.abs(dot(y, z) - before) < 1e-11 * energy(x), "products stay");
      mixing.undo(y);
      for (let i = 0; i < n; i++) assert.ok(Math.abs(y[i] - x[i]) < 1e-12);
    });
  }

  it("a single outlier is spread evenly by a Hadamard mixing", () => {
    const x = new Float64Array(896);
    x[17] = 1;
    new RandomMixing(896, 1).apply(x);
    for (const v of x) assert.ok(Math.abs(Math.abs(v) * Math.sqrt(896) - 1) < 1e-12);
  });

  it("the same seed gives the same rotation, another seed another one", () => {
    const rotated = (seed: number) => {
      const values = Float64Array.from({ length: 24 }, (_, i) => i);
      rotateInput({ values, rows: 2, columns: 12 }, seed);
      return [...values];
    };
    assert.deepEqual(rotated(3), rotated(3));
    assert.notDeepEqual(rotated(3), rotated(4));
  });

  it("rotating inputs and activations, and outputs, leaves a layer's function as it is", () => {
    const [rows, columns] = [12, 20];
    const w = Float64Array.from(gaussians(rows * columns, 3));
    const x = Float64Array.from(gaussians(columns, 4));
    const product = (m: Float64Array, v: Float64Array) =>
      Float64Array.from({ length: rows }, (_, r) => v.reduce((sum, value, c) => sum + value * m[r * columns + c], 0));
    const want = product(w, x);
    const wq = w.slice();
    const xq = x.slice();
    rotateInput({ values: wq, rows, columns }, 9);
    rotateInput({ values: xq, rows: 1, columns }, 9);
    product(wq, xq).forEach((v, r) => assert.ok(Math.abs(v - want[r]) < 1e-12));
    // Outputs: (QᵀW)x = (yQ)ᵀ.
    const wo = w.slice();
    const yq = want.slice();
    rotateOutput({ values: wo, rows, columns }, 8);
    rotateInput({ values: yq, rows: 1, columns: rows }, 8);
    product(wo, x).forEach((v, r) => assert.ok(Math.abs(v - yq[r]) < 1e-12));
    rotateOutput({ values: wo, rows, columns }, 8, true);
    wo.forEach((v, i) => assert.ok(Math.abs(v - w[i]) < 1e-12));
  });

  it("random orthogonal matrices are orthogonal, seeded, and of both determinants' mixture of signs", () => {
    const n = 33;
    const q = randomOrthogonal(n, 7);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        let dot = 0;
        for (let k = 0; k < n; k++) dot += q[i * n + k] * q[j * n + k];
        assert.ok(Math.abs(dot - (i === j ? 1 : 0)) < 1e-13);
      }
    }
    assert.deepEqual(q, randomOrthogonal(n, 7));
    // Haar: without the signs of R the diagonal of Q would lean to one side.
    let positive = 0;
    for (let seed = 0; seed < 200; seed++) if (randomOrthogonal(3, seed)[0] > 0) positive++;
    assert.ok(positive > 70 && positive < 130, `${positive} of 200 first entries are positive`);
    const w = Float64Array.from(gaussians(2 * n, 5));
    const turned = w.slice();
    multiplyInput({ values: turned, rows: 2, columns: n }, q);
    assert.ok(Math.abs(turned[0] - w.subarray(0, n).reduce((sum, v, i) => sum + v * q[i * n], 0)) < 1e-13);
    multiplyInput({ values: turned, rows: 2, columns: n }, q, true);
    turned.forEach((v, i) => assert.ok(Math.abs(v - w[i]) < 1e-12));
  });
});

function popcount(v: number): number {
  let count = 0;
  for (; v; v &= v - 1) count++;
  return count;
}
