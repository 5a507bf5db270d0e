import { nearestInt } from "./arithmetic";

/** Bit layouts that the K types share. A super-block has 256 weights. */

const fround = Math.fround;

/**
 * Two low bits of every code: per half of 128 elements 32 bytes; byte l holds elements l, l+32, l+64, l+96 at shifts 0, 2, 4, 6.
 */
export function packPairs(codes: Uint8Array, bytes: Uint8Array, at: number): void {
  for (let h = 0; h < 2; h++) {
    for (let l = 0; l < 32; l++) {
      const e = 128 * h + l;
      bytes[at + 32 * h + l] = codes[e] | (codes[e + 32] << 2) | (codes[e + 64] << 4) | (codes[e + 96] << 6);
    }
  }
}

export function unpackPairs(bytes: Uint8Array, at: number, codes: Uint8Array): void {
  for (let e = 0; e < 256; e++) codes[e] = (bytes[at + 32 * (e >> 7) + (e & 31)] >> (2 * ((e >> 5) & 3))) & 3;
}

/** Four low bits: per 64 elements 32 bytes; byte l holds element l low and l+32 high. */
export function packHalves(codes: Uint8Array, bytes: Uint8Array, at: number): void {
  for (let g = 0; g < 4; g++) {
    for (let l = 0; l < 32; l++) bytes[at + 32 * g + l] = (codes[64 * g + l] & 15) | ((codes[64 * g + l + 32] & 15) << 4);
  }
}

export function unpackHalves(bytes: Uint8Array, at: number, codes: Uint8Array): void {
  for (let e = 0; e < 256; e++) codes[e] = (bytes[at + 32 * (e >> 6) + (e & 31)] >> (4 * ((e >> 5) & 1))) & 15;
}

/**
 * Twelve bytes of eight scales and eight minima of six bits each. The first four of both stand plainly in bytes 0..7, the
 * others are split: low nibbles in bytes 8..11, upper two bits on top of bytes 0..7.
 */
export function packScaleMins(scales: Uint8Array, mins: Uint8Array, bytes: Uint8Array, at: number): void {
  for (let j = 0; j < 4; j++) {
    bytes[at + j] = scales[j] | ((scales[j + 4] >> 4) << 6);
    bytes[at + j + 4] = mins[j] | ((mins[j + 4] >> 4) << 6);
    bytes[at + j + 8] = (scales[j + 4] & 15) | ((mins[j + 4] & 15) << 4);
  }
}

export function unpackScaleMins(bytes: Uint8Array, at: number, scales: Uint8Array, mins: Uint8Array): void {
  for (let j = 0; j < 4; j++) {
    scales[j] = bytes[at + j] & 63;
    mins[j] = bytes[at + j + 4] & 63;
    scales[j + 4] = (bytes[at + j + 8] & 15) | ((bytes[at + j] >> 6) << 4);
    mins[j + 4] = (bytes[at + j + 8] >> 4) | ((bytes[at + j + 4] >> 6) << 4);
  }
}

/** Codes again with the scale and minimum as they will be read: clamp(nearest((x + minimum)/scale)) in 0..nmax. */
export function recodeAffine(
  x: Float32Array, from: number, n: number, scale: number, minimum: number, nmax: number, codes: Uint8Array, to: number,
): void {
  for (let i = 0; i < n; i++) {
    codes[to + i] = Math.max(0, Math.min(nmax, nearestInt(fround(fround(x[from + i] + minimum) / scale))));
  }
}

/** Symmetric codes again: clamp(nearest(x/scale)) in −nmax..nmax−1, stored + nmax. */
export function recodeSymmetric(
  x: Float32Array, from: number, n: number, scale: number, nmax: number, codes: Uint8Array, to: number,
): void {
  for (let i = 0; i < n; i++) {
    codes[to + i] = Math.max(-nmax, Math.min(nmax - 1, nearestInt(fround(x[from + i] / scale)))) + nmax;
  }
}
