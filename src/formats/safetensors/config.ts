import type { ModelFolder } from "../../core/bytes";
import { toEngineError } from "../../core/errors";
import type { Problems } from "../problems";
import { cut } from "../text";

/** Real ones have a few kilobytes; maps of many thousand quantized modules some megabytes. */
const largestConfig = 16 * 1024 * 1024;
/** Entries shown: a configuration's nested maps can name every module. */
const mostEntries = 400;

/** JSON as it came; own properties only are read. */
export type JsonObject = { readonly [key: string]: unknown };

/** The `config.json` beside the weights, as far as the weights depend on it. */
export interface ModelConfig {
  readonly json: JsonObject;
  readonly architecture?: string;
  readonly modelType?: string;
  readonly quantization?: JsonObject;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An own property: a file cannot reach what every object inherits. */
export function own(object: JsonObject | undefined, key: string): unknown {
  return object && Object.hasOwn(object, key) ? object[key] : undefined;
}

export function ownNumber(object: JsonObject | undefined, key: string): number | undefined {
  const value = own(object, key);
  return typeof value === "number" && Number.isSafeInteger(value) ? value : undefined;
}

export function ownString(object: JsonObject | undefined, key: string): string | undefined {
  const value = own(object, key);
  return typeof value === "string" ? value : undefined;
}

/** Undefined without a config.json. One that cannot be read is a problem, not an error: the weights can still be shown. */
export async function readConfig(folder: ModelFolder, problems: Problems): Promise<ModelConfig | undefined> {
  let json: unknown;
  try {
    if (!(await folder.list()).includes("config.json")) return undefined;
    json = JSON.parse(await folder.readText("config.json", largestConfig));
  } catch (error) {
    problems.add("bad-config", `config.json cannot be read: ${toEngineError(error).describe()}`);
    return undefined;
  }
  if (!isObject(json)) {
    problems.add("bad-config", "config.json is not a JSON object.");
    return undefined;
  }
  const architectures = own(json, "architectures");
  const first: unknown = Array.isArray(architectures) ? architectures[0] : undefined;
  const modelType = ownString(json, "model_type");
  const quantization = own(json, "quantization_config") ?? own(json, "compression_config");
  return {
    json,
    architecture: typeof first === "string" ? first : modelType,
    modelType,
    quantization: isObject(quantization) ? quantization : undefined,
  };
}

/** The configuration as rows for display: nested keys joined by dots, arrays as JSON. Older and newer key names as they stand. */
export function configEntries(config: ModelConfig): [key: string, value: string][] {
  const rows: [string, string][] = [];
  // Breadth first, so that a cut keeps what stands at the top; a queue, so that deep nesting costs no stack.
  const queue: [string, JsonObject][] = [["config", config.json]];
  for (let i = 0; i < queue.length; i++) {
    const [path, object] = queue[i];
    for (const [key, value] of Object.entries(object)) {
      if (rows.length >= mostEntries) return rows;
      if (isObject(value) && Object.keys(value).length) queue.push([`${path}.${key}`, value]);
      else rows.push([`${path}.${key}`, cut(typeof value === "string" ? value : shallow(value))]);
    }
  }
  return rows;
}

/** JSON of a value that is no plain object; arrays of arrays deeper than a person reads are left out. */
function shallow(value: unknown): string {
  if (!Array.isArray(value)) return JSON.stringify(value);
  const shown = value.slice(0, 64).map((item) => (typeof item === "object" && item !== null ? "…" : JSON.stringify(item)));
  return `[${shown.join(", ")}${value.length > 64 ? ", …" : ""}]`;
}
