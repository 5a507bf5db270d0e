import type { Encoding } from "../encoding";
import { gridEncoding } from "./grid";
import { usualRule } from "./name";

/**
 * Integer grids under the name of the file layout that holds them, GPTQ's or AWQ's: F16 scales, no partial groups. The planes
 * are the grid's; the container transposes and packs them (src/formats/arrange.ts).
 *
 * "gptq-{4|8}bit-{gN|channel}", symmetric (the first version cannot store a zero point of 0); "gptq_v2-…[-asym]";
 * "awq-4bit-{gN|channel}", always with zero points. Undefined for other names.
 */
export function wordPackedEncoding(name: string): Encoding | undefined {
  const match = pattern.exec(name);
  if (!match) return undefined;
  const [, version, width, size, asym] = match;
  const isAwq = version === "awq";
  const bits = Number(width) as 4 | 8;
  const group = Number(size ?? 0);
  if ((isAwq && (bits !== 4 || asym)) || (version === "gptq" && asym) || (group * bits) % 32 !== 0) return undefined;
  const asymmetric = isAwq || asym !== undefined;
  const grid = gridEncoding({ bits, group, asymmetric, scaleType: "f16", rule: usualRule({ bits, asymmetric }) });
  const per = group ? `${group} weights` : "row";
  return {
    ...grid,
    name,
    label: `${labels[version]} INT${bits} ${group ? `g${group}` : "per channel"}${asym ? " asym" : ""}`,
    description: `${bits}-bit integers in ${labels[version]} files, F16 scale${asymmetric ? " and zero point" : ""} per ${per}`,
    blockElements: group || 32 / bits,
    targets: ["safetensors"],
  };
}

const pattern = /^(gptq|gptq_v2|awq)-([48])bit-(?:g([1-9]\d{0,5})|channel)(-asym)?$/;
const labels: Record<string, string> = { gptq: "GPTQ", gptq_v2: "GPTQ v2", awq: "AWQ" };

/** Shown in lists. */
export const commonWordPacked = [
  "gptq-4bit-g128", "gptq-4bit-g32", "gptq-8bit-g128", "gptq_v2-4bit-g128", "gptq_v2-4bit-g128-asym", "awq-4bit-g128",
].map((name) => wordPackedEncoding(name)!);
