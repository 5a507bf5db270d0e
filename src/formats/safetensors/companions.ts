import type { ModelFolder } from "../../core/bytes";
import { EngineError } from "../../core/errors";
import { isObject, own } from "./config";

/**
 * Which files of a folder belong to the model beside them. A folder may be anything (downloads, a home directory), so that only
 * names count that transformers, tokenizers, SentencePiece, tiktoken, Mistral, sentence-transformers or the Hub give to such files:
 * an exported copy must not take somebody's papers along.
 */
const kinds: readonly RegExp[] = [
  // Settings: config.json, generation_config.json, preprocessor_config.json, config_sentence_transformers.json, …
  /^([a-z0-9]+_)*config(_[a-z0-9]+)*\.json$/,
  /^(params|modules|special_tokens_map|added_tokens|normalizer|id2label|label2id|processor|preprocessor)\.json$/,
  // Tokenizers: tokenizer.json, tokenizer.model.v3, vocab.json, vocab-src.json, merges.txt, spiece.model, source.spm, tekken.json
  /^(tokenizer|vocab|merges|tekken)([-_.][a-z0-9_.-]+)?\.(json|txt|model)$/,
  /^[a-z0-9_.-]+\.(model(\.v\d+)?|spm|tiktoken|codes)$/,
  // Chat templates.
  /^chat_template\.json$/,
  /^[a-z0-9_.-]+\.jinja2?$/,
  // What a person must read before passing the model on.
  /^(readme|licen[cs]e|copying|notice|model_?card|use_?policy|usage_?policy|citation)([-_.][a-z0-9_-]+)*(\.(md|txt|rst|cff|pdf))?$/,
];

/** Settings of older tools that say how the source was quantized: true of the source only. */
const stale = /^quant(ize)?_config\.json$/;

/** The largest published tokenizers have about 40 MB. */
const largestCompanion = 256 * 2 ** 20;
/** Modules are read for the modules that they import. */
const largestModule = 4 * 2 ** 20;
const largestSettings = 64 * 2 ** 20;
/** Published models bring fewer than twenty. */
const mostModules = 200;

export interface Companions {
  /** Names with sizes in bytes, sorted by name. */
  readonly files: readonly { readonly name: string; readonly byteLength: number }[];
  /** Of plain files that stay behind, hidden ones not counted. */
  readonly left: readonly string[];
}

/** The files to carry along with a model of this folder, other than those of `written`: those an export makes anew. */
export async function companionsOf(folder: ModelFolder, written: ReadonlySet<string>): Promise<Companions> {
  const names = (await folder.list()).filter((name) => !written.has(name) && !name.startsWith("."));
  const settings = names.filter((name) => /config\.json$/i.test(name) && belongs(name));
  const modules = await customModules(folder, [...settings, ...(written.has("config.json") ? ["config.json"] : [])]);
  const files: { name: string; byteLength: number }[] = [];
  const left: string[] = [];
  for (const name of names) {
    const byteLength = belongs(name) || modules.has(name) ? await folder.size(name) : Infinity;
    if (byteLength <= largestCompanion) files.push({ name, byteLength });
    else left.push(name);
  }
  return { files, left };
}

function belongs(name: string): boolean {
  const lower = name.toLowerCase();
  return !stale.test(lower) && kinds.some((pattern) => pattern.test(lower));
}

/** Python files that `auto_map` of a settings file names, and those that these import from beside them. */
async function customModules(folder: ModelFolder, settings: readonly string[]): Promise<Set<string>> {
  const found = new Set<string>();
  const waiting = (await Promise.all(settings.map((name) => mappedModules(folder, name)))).flat();
  while (waiting.length && found.size < mostModules) {
    const name = `${waiting.pop()}.py`;
    if (found.has(name) || !(await folder.exists(name))) continue;
    found.add(name);
    const text = await textOf(folder, name, largestModule);
    // "from .rope import x", "from . import rope", also inside functions.
    for (const [, module, inside, line] of text.matchAll(/^[ \t]*from[ \t]+\.(\w*)[ \t]+import[ \t]+(?:\(([^)]*)|([\w, \t]*))/gm))
      waiting.push(...(module ? [module] : (inside ?? line).split(",").map((item) => item.trim().split(/\s/)[0])));
  }
  return found;
}

/** "modeling_phi3.Phi3ForCausalLM" is in modeling_phi3.py; "repository--module.Class" is elsewhere. */
async function mappedModules(folder: ModelFolder, name: string): Promise<string[]> {
  try {
    const json: unknown = JSON.parse(await textOf(folder, name, largestSettings));
    const map = isObject(json) ? own(json, "auto_map") : undefined;
    if (!isObject(map)) return [];
    const references = Object.values(map).flat().filter((value): value is string => typeof value === "string");
    return references.flatMap((reference) => /^(\w+)\.\w+$/.exec(reference)?.[1] ?? []);
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

/** Empty where the file is larger than such files are, or gone. */
async function textOf(folder: ModelFolder, name: string, limit: number): Promise<string> {
  try {
    return await folder.readText(name, limit);
  } catch (error) {
    if (error instanceof EngineError && (error.code === "too-large" || error.code === "not-found")) return "";
    throw error;
  }
}
