// Perceptually uniform colour ramps, built in OKLab (Ottosson 2020, "A perceptual color space for image processing").

export type ThemeKind = "dark" | "light" | "hc-dark" | "hc-light";
export type Rgb = readonly [r: number, g: number, b: number];

const toGamma = (x: number) => (x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055);
const toLinear = (x: number) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);

/** OKLab → linear sRGB, components may lie outside 0…1. */
function labToLinear(L: number, a: number, b: number): Rgb {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

/** sRGB 0…255 → OKLab. */
export function rgbToLab([r, g, b]: Rgb): Lab {
  const [R, G, B] = [r, g, b].map((x) => toLinear(x / 255)) as [number, number, number];
  const l = Math.cbrt(0.4122214708 * R + 0.5363325363 * G + 0.0514459929 * B);
  const m = Math.cbrt(0.2119034982 * R + 0.6806995451 * G + 0.1073969566 * B);
  const s = Math.cbrt(0.0883024619 * R + 0.2817188376 * G + 0.6299787005 * B);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

type Lab = readonly [L: number, a: number, b: number];

/** OKLCH (hue in degrees) → OKLab that sRGB has: chroma is reduced until the colour exists, lightness and hue stay. */
function inGamut(L: number, C: number, hue: number): Lab {
  const h = (hue * Math.PI) / 180;
  const lab = (c: number): Lab => [L, c * Math.cos(h), c * Math.sin(h)];
  const exists = (c: number) => labToLinear(...lab(c)).every((x) => x >= -1e-4 && x <= 1.0001);
  if (exists(C)) return lab(C);
  let low = 0;
  let high = C;
  for (let i = 0; i < 20; i++) {
    const middle = (low + high) / 2;
    if (exists(middle)) low = middle;
    else high = middle;
  }
  return lab(low);
}

function labToRgb(lab: Lab): Rgb {
  const byte = (x: number) => Math.round(255 * toGamma(Math.min(1, Math.max(0, x))));
  const [r, g, b] = labToLinear(...lab);
  return [byte(r), byte(g), byte(b)];
}

/** OKLCH (hue in degrees) → sRGB 0…255. */
export const oklch = (L: number, C: number, hue: number): Rgb => labToRgb(inGamut(L, C, hue));

/** Stops of a ramp from "easy" (near the surface) to "hard" (far from it). Lightness is monotone, hue turns one way. */
interface Path {
  readonly lightness: readonly [number, number];
  readonly chroma: readonly [number, number, number];
  readonly hue: readonly [number, number];
}
const paths: Readonly<Record<ThemeKind, Path>> = {
  dark: { lightness: [0.33, 0.93], chroma: [0.06, 0.16, 0.13], hue: [268, 450] },
  light: { lightness: [0.93, 0.3], chroma: [0.035, 0.155, 0.12], hue: [215, 315] },
  "hc-dark": { lightness: [0.3, 0.98], chroma: [0.07, 0.19, 0.1], hue: [265, 455] },
  "hc-light": { lightness: [0.91, 0.16], chroma: [0.04, 0.17, 0.1], hue: [210, 310] },
};

/** `n` colours at equal OKLab distance along the theme's path. */
export function ramp(kind: ThemeKind, n = 256): Rgb[] {
  const { lightness, chroma, hue } = paths[kind];
  const at = (t: number) => {
    const c = t < 0.5 ? chroma[0] + (chroma[1] - chroma[0]) * t * 2 : chroma[1] + (chroma[2] - chroma[1]) * (t - 0.5) * 2;
    return inGamut(lightness[0] + (lightness[1] - lightness[0]) * t, c, hue[0] + (hue[1] - hue[0]) * t);
  };
  const steps = 1024;
  const length = new Float64Array(steps + 1);
  let before = at(0);
  for (let i = 1; i <= steps; i++) {
    const lab = at(i / steps);
    length[i] = length[i - 1] + Math.hypot(lab[0] - before[0], lab[1] - before[1], lab[2] - before[2]);
    before = lab;
  }
  const colours: Rgb[] = [];
  let j = 0;
  for (let i = 0; i < n; i++) {
    const target = (length[steps] * i) / (n - 1);
    while (j < steps && length[j + 1] < target) j++;
    const within = (target - length[j]) / (length[j + 1] - length[j] || 1);
    colours.push(labToRgb(at(Math.min(1, (j + within) / steps))));
  }
  return colours;
}

/** WCAG relative luminance of sRGB 0…255. */
export function luminance([r, g, b]: Rgb): number {
  return 0.2126 * toLinear(r / 255) + 0.7152 * toLinear(g / 255) + 0.0722 * toLinear(b / 255);
}

export function contrast(a: Rgb, b: Rgb): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

export const css = ([r, g, b]: Rgb): string => `rgb(${r}, ${g}, ${b})`;
/** As ImageData keeps it: little-endian RGBA, opaque. */
export const rgba32 = ([r, g, b]: Rgb): number => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
