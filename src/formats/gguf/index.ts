import type { Format } from "../format";
import { assign } from "./assign";
import { fallbacks, mixes, recipeEncodings } from "./mixes";
import { readGguf } from "./read";
import { recipeEncoding, recipeRefusal } from "./recipeEncoding";
import { planWrite } from "./write";

/** ggml's GGUF, versions 1 to 3, one file or split. */
export const gguf: Format = {
  name: "gguf",
  label: "GGUF",
  extensions: [".gguf"],
  sniff: (name, head) =>
    name.toLowerCase().endsWith(".gguf") || (head[0] === 0x47 && head[1] === 0x47 && head[2] === 0x55 && head[3] === 0x46),
  async readIndex(folder, name) {
    return (await readGguf(folder, name)).index;
  },
  exportTargets: mixes.map(({ name, label, description }) => ({ name, label, description })),
  quantizes: 'matrices whose names end in "weight"',
  recipeEncodings,
  recipeEncoding,
  recipeRefusal,
  fallbacks,
  assign,
  planWrite,
};
