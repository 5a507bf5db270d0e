import { EngineError } from "../core/errors";
import type { Encoding } from "../encodings/encoding";
import type { Method, MethodRequest } from "./method";

/** "bad-request" unless the method supports the encoding and knows every option. */
export function checkRequest(method: Method, { encoding, options }: MethodRequest): void {
  if (!method.supports(encoding)) throw unsupported(method, encoding);
  const [problem] = optionProblems(method, options);
  if (problem) throw new EngineError("bad-request", problem.message);
}

/** What is wrong with each option that the method cannot take, in one sentence. */
export function optionProblems(
  { name: method, options: known }: Method,
  options: Readonly<Record<string, unknown>> = {},
): { readonly name: string; readonly message: string }[] {
  return Object.entries(options).flatMap(([name, value]) => {
    const allowed = Object.hasOwn(known, name) ? known[name] : undefined;
    if (!allowed) {
      const names = Object.keys(known);
      const says = names.length ? `it knows ${names.join(", ")}` : "it has none";
      return [{ name, message: `The method ${method} has no option "${name}"; ${says}.` }];
    }
    if (allowed.includes(value as string)) return [];
    return [{ name, message: `The option ${name} is ${allowed.map((a) => `"${a}"`).join(" or ")}, not ${JSON.stringify(value)}.` }];
  });
}

/** Do the options say no more than the method does without any? */
export function areDefaults({ options: known }: Method, options: Readonly<Record<string, unknown>> = {}): boolean {
  return Object.entries(options).every(([name, value]) => Object.hasOwn(known, name) && known[name][0] === value);
}

export function unsupported(method: Method, encoding: Encoding): EngineError {
  return new EngineError(
    "bad-request",
    `The method ${method.name} cannot produce ${encoding.label}; leave the method out, or choose another encoding.`,
  );
}
