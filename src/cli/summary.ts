import { meanBits } from "../core/bits";
import type { ModelIndex } from "../core/model";
import { groupProblems, type ProblemGroup } from "../core/problems";
import { bytes, count, digits, many } from "./numbers";
import { printable } from "./table";

const shownProblems = 20;
const shownTensors = 3;

/** What a person wants to know first. */
export function summary(index: ModelIndex): string {
  const bits = meanBits(index.tensors);
  const problems = groupProblems(index.problems);
  const lines = [
    index.path,
    [
      index.format,
      index.architecture === "unknown" ? "" : index.architecture,
      many(index.tensors.length, "tensor"),
      index.layerCount > 0 ? many(index.layerCount, "layer") : "",
      `${count(index.parameterCount)} parameter${index.parameterCount === 1 ? "" : "s"}`,
      `${bytes(index.byteLength)} in ${many(index.files.length, "file")}`,
      bits === undefined ? "" : `${digits(bits)} bits per weight`,
    ].filter(Boolean).join(", "),
    ...problems.slice(0, shownProblems).map(problemLine),
  ];
  if (problems.length > shownProblems) lines.push(`problem: … and ${problems.length - shownProblems} more (--json lists all)`);
  return lines.map((line) => printable(line) + "\n").join("");
}

function problemLine({ message, tensors }: ProblemGroup): string {
  const named = tensors.filter((tensor) => !message.includes(tensor));
  if (!named.length) return `problem: ${message}`;
  const more = named.length > shownTensors ? ` and ${named.length - shownTensors} more` : "";
  return `problem: ${message} (${named.slice(0, shownTensors).join(", ")}${more})`;
}
