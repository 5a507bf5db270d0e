import { EngineError } from "../core/errors";
import type { Encoding } from "../encodings/encoding";
import type { Method, MethodRequest } from "./method";

/** "bad-request" unless the method supports the encoding and knows every option. */
export function checkRequest(method: Method, { encoding, options }: MethodRequest, known: readonly string[] = []): void {
  if (!method.supports(encoding)) throw unsupported(method, encoding);
  for (const name of Object.keys(options ?? {})) {
    if (known.includes(name)) continue;
    const says = known.length ? `it knows ${known.join(", ")}` : "it has none";
    throw new EngineError("bad-request", `The method ${method.name} has no option "${name}"; ${says}.`);
  }
}

export function unsupported(method: Method, encoding: Encoding): EngineError {
  return new EngineError(
    "bad-request",
    `The method ${method.name} cannot produce ${encoding.label}; leave the method out, or choose another encoding.`,
  );
}
