/**
 * llama.cpp names its pre-tokenizers and keeps their regular expressions itself (src/llama-vocab.cpp); tokenizer.json spells
 * them out. A row per name: the expressions as tokenizer.json has them, in order, and whether digits are split one by one.
 */
interface Row {
  readonly name: string;
  readonly patterns: readonly string[];
  readonly digits?: boolean;
}

const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const cl100k = (digits: string) =>
  `${contractions}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;
const upper = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
const lower = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
const o200k = (suffix: string, digits: string) =>
  `[^\\r\\n\\p{L}\\p{N}]?${upper}*${lower}+${suffix}|[^\\r\\n\\p{L}\\p{N}]?${upper}+${lower}*${suffix}|${digits}` +
  "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

const rows: readonly Row[] = [
  { name: "gpt-2", patterns: [] },
  { name: "smollm", patterns: [], digits: true },
  { name: "llama-bpe", patterns: [cl100k("\\p{N}{1,3}")] },
  { name: "qwen2", patterns: [cl100k("\\p{N}")] },
  { name: "gpt-4o", patterns: [o200k(contractions.replace("?i:", "?i:") + "?", "\\p{N}{1,3}")] },
  { name: "tekken", patterns: [o200k("", "\\p{N}")] },
];

/** The parts of tokenizer.json's pre_tokenizer that decide how text is cut. */
interface PreTokenizer {
  readonly type?: string;
  readonly pretokenizers?: readonly PreTokenizer[];
  readonly pattern?: { readonly Regex?: string; readonly String?: string };
  readonly use_regex?: boolean;
  readonly individual_digits?: boolean;
}

/** llama.cpp's name for a byte-level pre-tokenizer, or undefined when it has none that cuts text the same way. */
export function preTokenizerName(preTokenizer: unknown): string | undefined {
  const steps = flatten(preTokenizer as PreTokenizer | null | undefined);
  if (steps === undefined) return undefined;
  const patterns = steps.filter((s) => s.type === "Split").map((s) => s.pattern?.Regex ?? s.pattern?.String ?? "?");
  const digits = steps.some((s) => s.type === "Digits" && s.individual_digits === true);
  const byteLevel = steps.find((s) => s.type === "ByteLevel");
  if (byteLevel === undefined) return undefined;
  if (patterns.length === 0 && byteLevel.use_regex === false) return undefined;
  if (steps.some((s) => !["Split", "Digits", "ByteLevel"].includes(s.type ?? ""))) return undefined;
  return rows.find((row) => (row.digits ?? false) === digits && same(row.patterns, patterns))?.name;
}

function flatten(step: PreTokenizer | null | undefined, depth = 0): PreTokenizer[] | undefined {
  if (!step || typeof step !== "object" || depth > 8) return undefined;
  if (step.type !== "Sequence") return [step];
  const all: PreTokenizer[] = [];
  for (const inner of step.pretokenizers ?? []) {
    const flat = flatten(inner, depth + 1);
    if (flat === undefined) return undefined;
    all.push(...flat);
  }
  return all;
}

const same = (a: readonly string[], b: readonly string[]) => a.length === b.length && a.every((x, i) => x === b[i]);
