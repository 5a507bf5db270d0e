import { EngineError } from "../../core/errors";

/** A Hugging Face config.json, read key by key; a wrong or missing key is an EngineError that names it. */
export class HuggingFaceConfig {
  constructor(
    private readonly values: Readonly<Record<string, unknown>>,
    private readonly file: string,
  ) {}

  static parse(text: string, file: string): HuggingFaceConfig {
    let values: unknown;
    try {
      values = JSON.parse(text);
    } catch (error) {
      throw new EngineError("malformed", `config.json is not valid JSON: ${(error as Error).message}.`, { file });
    }
    if (typeof values !== "object" || values === null || Array.isArray(values)) {
      throw new EngineError("malformed", "config.json should hold one JSON object.", { file });
    }
    return new HuggingFaceConfig(values as Record<string, unknown>, file);
  }

  get modelType(): string {
    return this.optionalText("model_type") ?? "unknown";
  }

  get architecture(): string {
    const list = this.own("architectures");
    return Array.isArray(list) && typeof list[0] === "string" ? list[0] : this.modelType;
  }

  /** The first of the given keys that is present: checkpoints of different years use different names. */
  integer(...keys: string[]): number {
    return this.required(keys, this.optionalInteger(...keys), "a non-negative whole number");
  }

  optionalInteger(...keys: string[]): number | undefined {
    const value = this.optionalNumber(...keys);
    return value !== undefined && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  }

  number(...keys: string[]): number {
    return this.required(keys, this.optionalNumber(...keys), "a number");
  }

  optionalNumber(...keys: string[]): number | undefined {
    for (const key of keys) {
      const value = this.own(key);
      if (typeof value === "number" && Number.isFinite(value)) return value;
    }
    return undefined;
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.own(key);
    return typeof value === "boolean" ? value : fallback;
  }

  /** Whether it is there and false. */
  saysNo(key: string): boolean {
    return this.own(key) === false;
  }

  optionalText(key: string): string | undefined {
    const value = this.own(key);
    return typeof value === "string" ? value : undefined;
  }

  /** RoPE settings from the newer `rope_parameters` or the older `rope_theta` and `rope_scaling`. */
  get rope(): RopeSettings {
    const newer = this.object("rope_parameters");
    const older = this.object("rope_scaling");
    const scaling = newer ?? older;
    const number = (key: string) => (typeof scaling?.[key] === "number" ? (scaling[key] as number) : undefined);
    const given = (key: string): [string, number][] => (number(key) === undefined ? [] : [[key, number(key)!]]);
    const list = (key: string) => {
      const value = scaling?.[key];
      return Array.isArray(value) && value.every((x) => typeof x === "number") ? (value as number[]) : undefined;
    };
    const type = scaling?.rope_type ?? scaling?.type;
    return {
      theta: number("rope_theta") ?? this.optionalNumber("rope_theta") ?? 10000,
      type: typeof type === "string" ? type : "default",
      factor: number("factor"),
      lowFrequencyFactor: number("low_freq_factor"),
      highFrequencyFactor: number("high_freq_factor"),
      originalContext: number("original_max_position_embeddings") ?? this.optionalInteger("original_max_position_embeddings"),
      partialRotaryFactor: number("partial_rotary_factor") ?? this.optionalNumber("partial_rotary_factor") ?? 1,
      shortFactors: list("short_factor"),
      longFactors: list("long_factor"),
      yarn: Object.fromEntries(yarnConstants.flatMap(given)),
    };
  }

  /** An error about the configuration as a whole. */
  refuse(message: string): EngineError {
    return new EngineError("unsupported", message, { file: this.file });
  }

  private own(key: string): unknown {
    return Object.hasOwn(this.values, key) ? this.values[key] : undefined;
  }

  private object(key: string): Record<string, unknown> | undefined {
    const value = this.own(key);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  }

  private required(keys: string[], value: number | undefined, what: string): number {
    if (value !== undefined) return value;
    throw new EngineError("malformed", `config.json should give ${keys.join(" or ")} as ${what}.`, { file: this.file });
  }
}

export interface RopeSettings {
  readonly theta: number;
  /** "default", "linear", "llama3", "longrope", "yarn", "dynamic", … */
  readonly type: string;
  readonly factor?: number;
  readonly lowFrequencyFactor?: number;
  readonly highFrequencyFactor?: number;
  readonly originalContext?: number;
  readonly partialRotaryFactor: number;
  readonly shortFactors?: readonly number[];
  readonly longFactors?: readonly number[];
  /** Those of YaRN's constants that are given. */
  readonly yarn: Readonly<Record<string, number>>;
}

const yarnConstants = ["beta_fast", "beta_slow", "attention_factor", "mscale", "mscale_all_dim"];
