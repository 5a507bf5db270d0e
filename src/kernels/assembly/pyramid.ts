import { searchFour } from "./pyramidFour";
import { searchOne } from "./pyramidOne";

/**
 * For each of `groups` groups of n neighbouring f32 at x, n integers at y (i32) with Σ|y| = k, or all 0 for a group of zeros
 * or of anything not finite. n is a multiple of 4; `scratch` has room for 13n + 8 f32.
 */
export function pyramid_search(x: usize, groups: u32, n: u32, k: u32, y: usize, scratch: usize): void {
  const bytes = (n as usize) << 2;
  let g: u32 = 0;
  for (; g + 4 <= groups; g += 4, x += 4 * bytes, y += 4 * bytes) searchFour(x, n, k, y, scratch);
  for (; g < groups; g++, x += bytes, y += bytes) searchOne(x, bytes, k, y, scratch);
}
