// The family of charts. A new one is a file and a line here.
import { assignment } from "./assignment";
import { bitsChart } from "./bits";
import type { Chart } from "./chart";
import { errors } from "./errors";
import { heat } from "./heat";
import { histogram } from "./histogram";
import { map } from "./map";
import { overlay } from "./overlay";
import { pairs } from "./pairs";
import { pareto } from "./pareto";
import { profile } from "./profile";
import { spectrum } from "./spectrum";

export const charts = {
  map, spectrum, bits: bitsChart, histogram, profile, heat, errors, pareto, assignment, pairs, overlay,
} as const satisfies Record<string, Chart<any, any>>;
