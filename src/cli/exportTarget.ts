import { nearest } from "../core/nearest";
import { UsageError } from "./outcome";

export interface TargetOptions {
  readonly encoding: string;
  /** Weights per scale, or "channel". */
  readonly group?: string;
  readonly asymmetric: boolean;
}

/**
 * The export target that the options name, one of `targets` ("q4_0", "int4-g32-asym"). "int4" and "int8" alone take the
 * first fitting group that the format offers. Throws a UsageError naming what is possible.
 */
export function exportTarget({ encoding, group, asymmetric }: TargetOptions, targets: readonly string[], format: string): string {
  const name = encoding.toLowerCase();
  const family = /^int\d$/.test(name);
  const isGrid = family || /^int\d-(g\d+|channel)/.test(name);
  if (!isGrid) {
    if (group !== undefined) throw new UsageError(`--group goes with int4 and int8; ${name} has its own blocks.`);
    if (asymmetric) throw new UsageError(`--asymmetric goes with int4 and int8, not with ${name}.`);
  }
  if (!family && group !== undefined) throw new UsageError(`${name} names its group already; leave --group out or write ${name.slice(0, 4)}.`);
  const wanted = family ? gridNames(name, { group, asymmetric, targets }) : [asymmetric && !name.endsWith("-asym") ? `${name}-asym` : name];
  const found = wanted.map((w) => targets.find((t) => t.toLowerCase() === w)).find((t) => t !== undefined);
  if (found) return found;
  const options = `${name}${group ? ` --group ${group}` : ""}${asymmetric ? " --asymmetric" : ""}`;
  const near = nearest(wanted[0] ?? name, targets).slice(0, 3);
  const possible = near.length ? `did you mean ${near.join(" or ")}? (all of them: bitlens encodings)` : `choose one of: ${targets.join(", ")}.`;
  throw new UsageError(`A ${format} model cannot be exported as ${options}; ${possible}`);
}

function gridNames(
  name: string, { group, asymmetric, targets }: { group?: string; asymmetric: boolean; targets: readonly string[] },
): readonly string[] {
  const suffix = asymmetric ? "-asym" : "";
  if (group === undefined) return targets.filter((t) => t.startsWith(`${name}-`) && t.endsWith("-asym") === asymmetric);
  if (group !== "channel") return [`${name}-g${group}${suffix}`];
  // ONNX stores whole rows as QuantizeLinear/DequantizeLinear pairs.
  return [`${name}-channel${suffix}`, ...(asymmetric ? [] : [`${name}-qdq`])];
}
