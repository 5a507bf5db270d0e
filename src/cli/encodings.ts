import type { EncodingInfo } from "../core/api/engine";
import { digits } from "./numbers";
import { print } from "./output";
import type { Column } from "./table";
import { table } from "./table";

const columns: readonly Column<EncodingInfo>[] = [
  { title: "name", text: (e) => e.name },
  { title: "bits/weight", align: "right", text: (e) => digits(e.bitsPerWeight) },
  { title: "block", align: "right", text: (e) => String(e.blockElements) },
  { title: "containers", text: (e) => e.targets.join(", ") },
  { title: "", text: (e) => e.description },
];

/** `bitlens encodings`: storage layouts, and the names that `export` takes for each format. */
export async function encodings(): Promise<void> {
  const { listEncodings } = await import("../engine/encodingTable");
  const { formats } = await import("../formats/index");
  const targets = formats.map((f) => `${f.label}: ${f.exportTargets.map((t) => t.name).join(", ")}\n`);
  await print([table(columns, listEncodings()), "\nbitlens export takes these names, and for a Hugging Face folder those of GGUF too\n", ...targets]);
}
