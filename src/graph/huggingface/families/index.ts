import type { Family } from "../family";
import { gemma2 } from "./gemma2";
import { gpt2 } from "./gpt2";
import { llama } from "./llama";
import { phi3 } from "./phi3";
import { qwen2, qwen3 } from "./qwen";

/** Families that can become a GGUF. Adding one: a file here and a line below. */
export const families: readonly Family[] = [llama, qwen2, qwen3, phi3, gemma2, gpt2];

export const familyOf = (architecture: string): Family | undefined => families.find((f) => f.architectures.includes(architecture));
