import type { SensitivityTable } from "../../core/sensitivity";
import { parseSensitivity, serializeSensitivity } from "../../budget/sensitivity";
import type { EngineFiles } from "../deps";
import type { RecipeTarget } from "./target";

/** Changes when a measured error or size may change for the same content, and when a table says more than before. */
const generation = 3;

const nameOf = (fingerprint: string, format: string) => `sensitivity-${format}-${fingerprint}-v${generation}.json`;

/** A table that was measured before for this content and these candidates; undefined where there is none or it cannot be used. */
export async function recall(files: EngineFiles, folder: string, fingerprint: string, target: RecipeTarget): Promise<SensitivityTable | undefined> {
  const text = await files.readKept(folder, nameOf(fingerprint, target.format));
  if (text === undefined) return undefined;
  try {
    const table = parseSensitivity(text);
    return table.model.fingerprint === fingerprint && hasCandidates(table, target) ? table : undefined;
  } catch {
    return undefined; // damaged: it is measured again and replaced
  }
}

export function remember(files: EngineFiles, folder: string, table: SensitivityTable): Promise<void> {
  return files.keep(folder, nameOf(table.model.fingerprint, table.target), serializeSensitivity(table));
}

function hasCandidates(table: SensitivityTable, { tensors }: RecipeTarget): boolean {
  const known = new Map(table.tensors.map((t) => [t.name, t]));
  return table.tensors.length === tensors.length && tensors.every(({ info, keptBytes, candidates }) => {
    const found = known.get(info.name);
    return found?.currentBytes === keptBytes
      && candidates.every((c) => found.candidates.some((f) => f.encoding === c.encoding && f.bytes === c.bytes));
  });
}
