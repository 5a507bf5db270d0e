// A plan beside each of llama.cpp's named mixes, at the mix's bytes: no timing, so the machine does not matter.
import * as fs from "node:fs";
import * as path from "node:path";
import { createNodeEngine } from "../../src/node/createNodeEngine";
import { writeOutliers } from "./outliers";
import { printTable } from "./table";

export async function benchMixes(folder: string): Promise<void> {
  const sample = path.join(folder, "sample");
  fs.cpSync(path.join(__dirname, "../../media/sample"), sample, { recursive: true });
  fs.rmSync(path.join(sample, ".bitlens"), { recursive: true, force: true });
  const outliers = path.join(folder, "outliers");
  writeOutliers(sample, outliers);
  const { engine } = createNodeEngine({});
  try {
    const { parameterCount } = await engine.open(sample);
    const [plain, loud] = await Promise.all([sample, outliers].map((model) => engine.pareto({ path: model, target: "gguf" }, () => {})));
    const digits = (x: number) => Number(x.toPrecision(3)).toString();
    const rows = [...plain.uniforms]
      .sort((a, b) => a.byteLength - b.byteLength)
      .map((mix) => {
        const other = loud.uniforms.find((u) => u.name === mix.name)!;
        const less = (u: typeof mix) => `${(100 * (1 - u.bestSquaredError / u.squaredError)).toFixed(1)} %`;
        const cells = [mix, other].flatMap((u) => [digits(u.squaredError), digits(u.bestSquaredError), less(u)]);
        for (const u of [mix, other]) if (u.bestSquaredError > u.squaredError) throw new Error(`${u.label} has less error than the plan of its size.`);
        return [mix.label, ((8 * mix.byteLength) / parameterCount).toFixed(2), ...cells];
      });
    printTable(
      "Σ(w − ŵ)² of each uniform GGUF export, and of the plan of at most its bytes (outliers: the same function with loud channels)",
      ["export", "bits/weight", "sample", "plan", "less", "outliers", "plan", "less"],
      rows,
    );
  } finally {
    engine.dispose();
  }
}
