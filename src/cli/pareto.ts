import type { FormatName } from "../core/model";
import { cacheFolder } from "../node/storage";
import { bytes, digits } from "./numbers";
import { print } from "./output";
import { ProgressLine } from "./progressLine";
import { table } from "./table";
import { withEngine } from "./withEngine";

export interface ParetoOptions {
  readonly model: string;
  readonly target?: string;
  readonly json: boolean;
  readonly threads?: number;
}

/** `bitlens pareto`: the best assignments of all sizes, and the uniform exports beside them. */
export async function pareto({ model, target, json, threads }: ParetoOptions): Promise<void> {
  await withEngine({ threads, storage: cacheFolder() }, async (engine, token) => {
    const index = await engine.open(model, token);
    const line = new ProgressLine();
    const request = { path: model, target: (target ?? index.format) as FormatName };
    const result = await engine.pareto(request, (p) => line.update(p), token).finally(() => line.clear());
    // Which tensor gets what would need the table's order to be read.
    const uniforms = result.uniforms.map(({ choices: _choices, ...point }) => point);
    if (json) return print([JSON.stringify({ ...result, uniforms }, undefined, 2) + "\n"]);
    await print([
      "Uniform exports, and the best recipe of at most the same size; squared error over all quantizable weights.\n",
      table([
        { title: "export", text: (u) => u.name },
        { title: "size", align: "right", text: (u) => bytes(u.byteLength) },
        { title: "bits/weight", align: "right", text: (u) => digits((8 * u.byteLength) / index.parameterCount) },
        { title: "its error", align: "right", text: (u) => digits(u.squaredError) },
        { title: "best error", align: "right", text: (u) => digits(u.bestSquaredError) },
      ], [...result.uniforms].sort((a, b) => a.byteLength - b.byteLength)),
      "\nbitlens plan makes the recipe of any size.\n",
    ]);
  });
}
