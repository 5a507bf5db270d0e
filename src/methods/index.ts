import { EngineError } from "../core/errors";
import type { Encoding } from "../encodings/encoding";
import { lsbq } from "./lsbq";
import type { Method } from "./method";
import { pvq } from "./pvq";
import { rtn } from "./rtn";

export { areDefaults, optionProblems } from "./options";
export type { LayerStatistics, Method, MethodRequest, StatisticName } from "./method";

/** Every method, once. */
export const methods: readonly Method[] = [rtn, lsbq, pvq];

/** The method of this name; "bad-request" for one that does not exist. */
export function method(name: string): Method {
  const found = methods.find((m) => m.name === name.toLowerCase());
  if (found) return found;
  throw new EngineError(
    "bad-request",
    `There is no method called "${name}"; there are ${methods.map((m) => m.name).join(", ")}.`,
  );
}

/** The method that an encoding belongs to when a recipe names none. */
export function defaultMethod(encoding: Encoding): Method {
  return [lsbq, pvq].find((m) => m.supports(encoding) && /^(lsbq|ternary|pvq)/.test(encoding.name)) ?? rtn;
}
