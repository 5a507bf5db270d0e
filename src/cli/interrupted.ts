import type { InterruptedExport } from "../core/api/engine";
import { cacheFolder } from "../node/storage";
import { runExport } from "./exportCommand";
import { many } from "./numbers";
import { UsageError } from "./outcome";
import { print } from "./output";
import { table } from "./table";
import { withEngine } from "./withEngine";

export interface InterruptedOptions {
  readonly resume: boolean;
  readonly discard: boolean;
  readonly threads?: number;
}

/** `bitlens interrupted`: exports whose process ended before they did. */
export async function interrupted({ resume, discard, threads }: InterruptedOptions): Promise<void> {
  if (resume && discard) throw new UsageError("Choose one of --resume and --discard.");
  await withEngine({ threads, storage: cacheFolder() }, async (engine, token) => {
    const found = await engine.interruptedExports(token);
    if (found.length === 0) return print(["No export was interrupted.\n"]);
    if (resume) for (const { request } of found) await runExport(engine, request, { as: kindOf(request), token });
    else if (discard) {
      for (const { request } of found) await engine.discardExport(request.output, token);
      await print([`Removed what ${many(found.length, "export")} had written.\n`]);
    } else {
      await print([table([
        { title: "output", text: (e) => e.request.output },
        { title: "as", text: (e) => kindOf(e.request) },
        { title: "written", align: "right", text: (e) => `${e.tensorsDone} of ${many(e.tensorsTotal, "tensor")}` },
        { title: "started", text: (e) => e.started },
        { title: "model", text: (e) => e.request.path },
      ], found), "\nThe same export command goes on, or --resume for all of them; --discard removes what was written.\n"]);
    }
  });
}

const kindOf = (request: InterruptedExport["request"]) => request.encoding ?? "a recipe";
