/** One group of a row: x[from .. from+count), with importance[channel..] where given. */
export interface Group {
  readonly x: Float32Array;
  from: number;
  count: number;
  readonly importance?: Float32Array;
  channel: number;
}

/** Of a grid through 0: the largest codes of weights above 0, and of weights below. */
export interface Sides {
  readonly positive: number;
  readonly negative: number;
}

let keys = new Float64Array(1024);

/**
 * For each of these grids the scale > 0 of least squared error over all code assignments; 0 where it can do nothing. As the scale
 * falls, the magnitude of code i grows from k to k+1 at |x_i|/(k+½), so there are finitely many assignments; walking the sorted
 * breakpoints keeps Σwxq and Σwq², whose (Σwxq)²/Σwq² is to be maximal, and the optimum is Σwxq/Σwq². Scales below `lowest` are
 * not looked at.
 */
export function exactOptima(group: Group, grids: readonly Sides[], lowest: number): Float64Array {
  const { x, from, count, importance, channel } = group;
  const most = grids.reduce((n, { positive, negative }) => Math.max(n, positive, negative), 0);
  if (keys.length < count * most) keys = new Float64Array(2 * count * most);
  const words = new Uint32Array(keys.buffer);
  // The lowest mantissa bits of a breakpoint carry which element and code it belongs to; that moves it by under 2^-30.
  const payloadBits = 32 - Math.clz32(count * most - 1);
  const mask = payloadBits === 32 ? 0xffffffff : 2 ** payloadBits - 1;
  let n = 0;
  for (let i = 0; i < count; i++) {
    const magnitude = Math.abs(x[from + i]);
    for (let k = 0; k < most; k++) {
      const breakpoint = magnitude / (k + 0.5);
      if (breakpoint < lowest || breakpoint === 0) break;
      keys[n] = breakpoint;
      words[2 * n] = ((words[2 * n] & ~mask) | (i * most + k)) >>> 0;
      n++;
    }
  }
  keys.subarray(0, n).sort();
  const sumlx = new Float64Array(grids.length);
  const suml2 = new Float64Array(grids.length);
  const gain = new Float64Array(grids.length);
  const optima = new Float64Array(grids.length);
  for (let j = n - 1; j >= 0; j--) {
    const payload = words[2 * j] & mask;
    const i = Math.floor((payload >>> 0) / most);
    const k = (payload >>> 0) % most;
    const v = x[from + i];
    const w = importance ? importance[channel + i] : 1;
    for (let g = 0; g < grids.length; g++) {
      if (k >= (v > 0 ? grids[g].positive : grids[g].negative)) continue;
      sumlx[g] += w * Math.abs(v);
      suml2[g] += w * (2 * k + 1);
      const value = suml2[g] > 0 ? (sumlx[g] * sumlx[g]) / suml2[g] : 0;
      if (value > gain[g]) {
        gain[g] = value;
        optima[g] = sumlx[g] / suml2[g];
      }
    }
  }
  return optima;
}
