import assert from "node:assert/strict";
import { contrast, oklch, ramp, rgbToLab, type Rgb, type ThemeKind } from "../../../webview/theme/colour";

const kinds: readonly (readonly [ThemeKind, background: Rgb])[] = [
  ["dark", [31, 31, 31]],
  ["light", [255, 255, 255]],
  ["hc-dark", [0, 0, 0]],
  ["hc-light", [255, 255, 255]],
];

describe("colour ramps", () => {
  for (const [kind, background] of kinds) {
    const colours = ramp(kind);
    const lightness = colours.map((c) => rgbToLab(c)[0]);

    it(`${kind}: lightness runs one way, so that the ramp reads in greyscale`, () => {
      const sign = Math.sign(lightness[255] - lightness[0]);
      // Rounding to 8 bits moves lightness by at most about 0.003.
      for (let i = 4; i < 256; i++) assert.ok(sign * (lightness[i] - lightness[i - 4]) > 0, `stalls at ${i}`);
      assert.ok(Math.abs(lightness[255] - lightness[0]) > 0.55);
    });
    it(`${kind}: equal steps look equally far apart`, () => {
      const steps = Array.from({ length: 16 }, (_, i) => {
        const [a, b] = [rgbToLab(colours[i * 15]), rgbToLab(colours[i * 15 + 15])];
        return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
      });
      assert.ok(Math.max(...steps) / Math.min(...steps) < 1.15, `steps from ${Math.min(...steps)} to ${Math.max(...steps)}`);
    });
    it(`${kind}: hard stands out from the background most, and easy can still be seen`, () => {
      assert.ok(contrast(colours[255], background) > 7);
      assert.ok(contrast(colours[255], background) > contrast(colours[0], background));
      assert.ok(contrast(colours[0], background) > 1.15);
    });
    it(`${kind}: black or white text reads on every colour`, () => {
      for (const c of colours) assert.ok(Math.max(contrast(c, [0, 0, 0]), contrast(c, [255, 255, 255])) >= 4.5);
    });
  }
  it("a colour outside of sRGB keeps its lightness and loses chroma", () => {
    const [L] = rgbToLab(oklch(0.7, 0.4, 140));
    assert.ok(Math.abs(L - 0.7) < 0.01);
  });
});
