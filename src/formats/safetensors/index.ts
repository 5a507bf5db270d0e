import type { Format } from "../format";
import { assign, recipeEncoding, recipeRefusal } from "./assign";
import { storedBytes } from "./moduleParts";
import { readSafetensors } from "./read";
import { exportTargets } from "./schemes";
import { indexEnding } from "./shards";
import { planWrite } from "./write";

/** Hugging Face's safetensors: one file, several with an index, or a folder with either. */
export const safetensors: Format = {
  name: "safetensors",
  label: "safetensors",
  extensions: [".safetensors", indexEnding],
  sniff(name, head) {
    const lower = name.toLowerCase();
    if (lower.endsWith(indexEnding)) return true;
    // Under its own name even a damaged file is ours, so that the message can say what is wrong with it.
    if (lower.endsWith(".safetensors")) return true;
    // 8 bytes of length, at most 100 MB, then a JSON object.
    return (
      head.length > 9 &&
      head[8] === 0x7b &&
      (head[9] === 0x22 || head[9] === 0x7d || head[9] === 0x20) &&
      head[4] === 0 &&
      head[5] === 0
    );
  },
  async readIndex(folder, name) {
    return (await readSafetensors(folder, name)).index;
  },
  exportTargets,
  quantizes: 'matrices of Linear modules, by names that end in ".weight", but no embedding and no head',
  recipeEncoding,
  recipeRefusal,
  assign,
  storedBytes,
  planWrite,
};
