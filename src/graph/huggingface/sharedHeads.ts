import type { ModelIndex } from "../../core/model";

/** How a model's matrices of q, k and v share their rows, by config.json. */
export interface SharedHeads {
  /** Last part of the module's path, in small letters. */
  readonly module: string;
  /** Absent where q stands above k above v: rows alternate by groups of heads otherwise (core/rowOrder.ts). */
  readonly alternating?: {
    /** Undefined where the configuration does not say. */
    readonly heads: number | undefined;
    readonly groups: number | undefined;
    readonly headSize: number | undefined;
  };
}

interface Family {
  readonly module: string;
  heads(config: Config): number | undefined;
  /** Key heads, which rows are grouped by; "stacked" where rows are not. */
  groups(config: Config, heads: number): number | "stacked";
}

const everyHead = (_: Config, heads: number) => heads;

const falcon: Family = {
  module: "query_key_value",
  heads: (config) => config.number("num_attention_heads", "n_head"),
  // FalconAttention._split_heads: num_kv_heads counts in the newer layout only, whatever an older one's configuration says of it.
  groups: (config, heads) => {
    if (config.flag("new_decoder_architecture")) return config.number("num_kv_heads") ?? heads;
    return config.flag("multi_query") === false ? heads : 1;
  },
};
/** Falcon's own code from before transformers had it (modelling_RW.py): only the larger model's names its key heads. */
const refinedWeb: Family = { ...falcon, groups: (config, heads) => config.number("n_head_kv") ?? (config.flag("multi_query") ? 1 : heads) };

/** By model_type: families whose module's name does not tell the order, or misleads. From their modeling_*.py. */
const families: ReadonlyMap<string, Family> = new Map<string, Family>([
  ["gpt_neox", { module: "query_key_value", heads: (config) => config.number("num_attention_heads"), groups: everyHead }],
  ["bloom", { module: "query_key_value", heads: (config) => config.number("n_head", "num_attention_heads"), groups: everyHead }],
  ["falcon", falcon],
  ["RefinedWeb", refinedWeb],
  ["RefinedWebModel", refinedWeb],
  ["internlm2", {
    module: "wqkv",
    heads: (config) => config.number("num_attention_heads"),
    groups: (config, heads) => config.number("num_key_value_heads") ?? heads,
  }],
  ["gpt_bigcode", {
    module: "c_attn",
    heads: (config) => config.number("n_head", "num_attention_heads"),
    groups: (config, heads) => (config.flag("multi_query") === false ? heads : 1),
  }],
  ["bailing_moe", { module: "query_key_value", heads: (config) => config.number("num_attention_heads"), groups: () => "stacked" }],
]);

/** Undefined for a family whose modules' names tell, or that is not known. */
export function sharedHeads({ metadata }: ModelIndex): SharedHeads | undefined {
  const config = new Config(metadata);
  const family = families.get(config.text("model_type") ?? "");
  if (!family) return undefined;
  const { module } = family;
  const heads = family.heads(config);
  const groups = heads === undefined ? undefined : family.groups(config, heads);
  if (groups === "stacked" || groups === 1) return { module };
  const width = config.number("hidden_size", "n_embed", "n_embd");
  return { module, alternating: { heads, groups, headSize: config.number("head_dim") ?? (heads && width ? width / heads : undefined) } };
}

/** Top-level entries of config.json, as ModelIndex keeps them. */
class Config {
  readonly #entries: ReadonlyMap<string, string>;

  constructor(metadata: ModelIndex["metadata"]) {
    this.#entries = new Map(metadata);
  }

  text(key: string): string | undefined {
    return this.#entries.get(`config.${key}`);
  }

  /** The first of the keys that holds a positive whole number: checkpoints of different years use different names. */
  number(...keys: string[]): number | undefined {
    return keys.map((key) => Number(this.text(key))).find((value) => Number.isSafeInteger(value) && value > 0);
  }

  flag(key: string): boolean | undefined {
    const value = this.text(key);
    return value === "true" ? true : value === "false" ? false : undefined;
  }
}
