import type { Encoding } from "../encoding";
import { mxfp4, nvfp4 } from "./fp4";
import { iq1_m, iq1_s } from "./iq1";
import { iq2_s, iq2_xs, iq2_xxs } from "./iq2";
import { iq3_s, iq3_xxs } from "./iq3";
import { iq4_nl, iq4_xs } from "./iq4";
import { q1_0 } from "./q1_0";
import { q2_0 } from "./q2_0";
import { q2_K } from "./q2_K";
import { q3_K } from "./q3_K";
import { q4_0 } from "./q4_0";
import { q4_1 } from "./q4_1";
import { q4_K } from "./q4_K";
import { q5_0 } from "./q5_0";
import { q5_1 } from "./q5_1";
import { q5_K } from "./q5_K";
import { q6_K } from "./q6_K";
import { q8_0, q8_1 } from "./q8_0";
import { q8_K } from "./q8_K";
import { tq1_0, tq2_0 } from "./ternary";

/** Every block type of ggml. */
export const ggmlEncodings: readonly Encoding[] = [
  q4_0, q4_1, q5_0, q5_1, q8_0, q8_1,
  q2_K, q3_K, q4_K, q5_K, q6_K, q8_K,
  iq4_nl, iq4_xs, iq3_s, iq3_xxs, iq2_s, iq2_xs, iq2_xxs, iq1_m, iq1_s,
  tq1_0, tq2_0, q1_0, q2_0, mxfp4, nvfp4,
];
