/**
 * Pyramid search: the codeword of P(N,K) whose direction is nearest to x. This is the plain reference of the SIMD kernel,
 * which must return the same codeword for every input, so each f32 step and the order of the sums are part of it: sums
 * run in four lanes (i mod 4) that are added as (0+1)+(2+3).
 */

const f = Math.fround;
/** Moves of one pulse that the polish may make; in practice it stops after none or one. */
const maximumMoves = 64;
/** A move must gain more than f32 rounding can feign. */
const gain = f(1.000001);

let scratch = new Float32Array(64);

/**
 * Writes N integers with Σ|y| = K to y[yOffset…], maximising ⟨x,y⟩²/‖y‖²: magnitudes scaled to ℓ1 norm K and floored, then
 * one pulse at a time to the coordinate that gains most (ties: lowest), then single pulses moved while that gains.
 * Returns false, with y = (K, 0, …), when x is all zero or not finite.
 */
export function searchPyramid(
  x: ArrayLike<number>, xOffset: number, n: number, k: number, y: Int32Array, yOffset: number, polish = true,
): boolean {
  if (scratch.length < n) scratch = new Float32Array(n);
  const b = scratch;
  let largest = 0;
  for (let i = 0; i < n; i++) {
    b[i] = Math.abs(x[xOffset + i]);
    largest = Math.max(largest, b[i]);
  }
  if (!(largest > 0 && largest < Infinity)) {
    y.fill(0, yOffset, yOffset + n);
    y[yOffset] = k;
    return false;
  }
  // Divided by the largest first, so that neither tiny nor huge weights leave f32's range.
  for (let i = 0; i < n; i++) b[i] = b[i] / largest;
  const scale = f(k / laneSum(n, (i) => b[i]));
  let pulses = 0;
  for (let i = 0; i < n; i++) {
    b[i] = b[i] * scale;
    y[yOffset + i] = Math.floor(b[i]);
    pulses += y[yOffset + i];
  }
  let c = laneSum(n, (i) => f(b[i] * y[yOffset + i]));
  let e = laneSum(n, (i) => y[yOffset + i] * y[yOffset + i]);
  for (; pulses < k; pulses++) {
    let best = -1;
    let at = 0;
    for (let j = 0; j < n; j++) {
      const sum = f(c + b[j]);
      const q = f(f(sum * sum) / (e + 2 * y[yOffset + j] + 1));
      if (q > best) {
        best = q;
        at = j;
      }
    }
    c = f(c + b[at]);
    e += 2 * y[yOffset + at] + 1;
    y[yOffset + at]++;
  }
  for (let move = 0; polish && move < maximumMoves; move++) {
    let best = f(f(f(c * c) / e) * gain);
    let from = -1;
    let to = 0;
    for (let i = 0; i < n; i++) {
      if (y[yOffset + i] === 0) continue;
      const without = f(c - b[i]);
      const energy = e - 2 * y[yOffset + i] + 1;
      for (let j = 0; j < n; j++) {
        const sum = f(without + b[j]);
        const q = f(f(sum * sum) / (energy + 2 * y[yOffset + j] + 1));
        if (q > best) {
          best = q;
          from = i;
          to = j;
        }
      }
    }
    if (from < 0) break;
    c = f(f(c - b[from]) + b[to]);
    e += 2 * (y[yOffset + to] - y[yOffset + from]) + 2;
    y[yOffset + from]--;
    y[yOffset + to]++;
  }
  for (let i = 0; i < n; i++) if (x[xOffset + i] < 0) y[yOffset + i] = -y[yOffset + i] | 0;
  return true;
}

function laneSum(n: number, value: (i: number) => number): number {
  const lanes = [0, 0, 0, 0];
  for (let i = 0; i < n; i++) lanes[i & 3] = f(lanes[i & 3] + value(i));
  return f(f(lanes[0] + lanes[1]) + f(lanes[2] + lanes[3]));
}
