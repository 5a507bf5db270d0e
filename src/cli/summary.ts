import { meanBits } from "../core/bits";
import type { ModelIndex } from "../core/model";
import { bytes, count, digits, many } from "./numbers";
import { printable } from "./table";

/** What a person wants to know first. */
export function summary(index: ModelIndex): string {
  const bits = meanBits(index.tensors);
  const lines = [
    index.path,
    [
      index.format,
      index.architecture === "unknown" ? "" : index.architecture,
      many(index.tensors.length, "tensor"),
      index.layerCount > 0 ? many(index.layerCount, "layer") : "",
      `${count(index.parameterCount)} parameters`,
      `${bytes(index.byteLength)} in ${many(index.files.length, "file")}`,
      bits === undefined ? "" : `${digits(bits)} bits per weight`,
    ].filter(Boolean).join(", "),
    ...index.problems.slice(0, 20).map((p) => `problem: ${p.message}${p.tensor && !p.message.includes(p.tensor) ? ` (${p.tensor})` : ""}`),
  ];
  if (index.problems.length > 20) lines.push(`problem: … and ${index.problems.length - 20} more (--json lists all)`);
  return lines.map((line) => printable(line) + "\n").join("");
}
