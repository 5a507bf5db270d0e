/** What a recipe may choose for any quantizable tensor: the types that llama.cpp computes with on every backend. */
export const recipeEncodings = [
  "q2_K", "q3_K", "iq4_xs", "iq4_nl", "q4_0", "q4_K", "q4_1", "q5_0", "q5_K", "q5_1", "q6_K", "q8_0", "bf16", "f16",
] as const;

/** What llama-quant.cpp asks about a tensor in order to choose its type. */
export type Category = "output" | "embedding" | "q" | "k" | "v" | "o" | "gate" | "up" | "down" | "other";

/** What the rules know: the model, and the place of the tensor among those of its category. */
export interface RuleContext {
  /** general.architecture. */
  readonly architecture: string;
  /** Query heads per key-value head. */
  readonly groupedQueries: number;
  readonly experts: number;
  /** Position of this tensor, and how many there are. */
  readonly position: number;
  readonly count: number;
}

/** An encoding, or one that depends on where the tensor stands; undefined for the mix's base. */
type Choice = string | ((context: RuleContext) => string | undefined);

/** A file type of llama-quantize: its base encoding and the tensors that take another. */
export interface Mix {
  /** Name of the export target. */
  readonly name: string;
  readonly label: string;
  readonly description: string;
  /** LLAMA_FTYPE, for general.file_type. */
  readonly fileType: number;
  readonly base: string;
  readonly v?: Choice;
  readonly down?: Choice;
  readonly o?: Choice;
  readonly embedding?: string;
  /** attn_output of models with eight experts. */
  readonly oOfEight?: string;
  /** Only the experts take the base; the rest of the model this. */
  readonly besideExperts?: string;
}

const isFalcon = ({ architecture }: RuleContext) => architecture === "falcon";
/** The outer eighths and every third layer between. */
const takesMoreBits = ({ position: i, count: n }: RuleContext): boolean => {
  const eighth = Math.trunc(n / 8);
  return i < eighth || i >= Math.trunc((7 * n) / 8) || (i - eighth) % 3 === 2;
};
const isInFirst = (part: number, { position, count }: RuleContext) => position < Math.trunc(count / part);
/** IQ4: value projections that several heads share, and the first feed-forward outputs, keep more. */
const iq4 = {
  v: (c: RuleContext) => (c.groupedQueries >= 4 ? "q5_K" : undefined),
  down: (c: RuleContext) => (isInFirst(8, c) ? "q5_K" : undefined),
  oOfEight: "q5_K",
};

/** Rows of llama_tensor_get_type_impl, without an importance matrix. */
export const mixes: readonly Mix[] = [
  { name: "f32", label: "F32", description: "32-bit floats", fileType: 0, base: "f32" },
  { name: "f16", label: "F16", description: "16-bit floats", fileType: 1, base: "f16" },
  { name: "bf16", label: "BF16", description: "16-bit brain floats", fileType: 32, base: "bf16" },
  { name: "q8_0", label: "Q8_0", description: "8 bits in blocks of 32; hardly any loss", fileType: 7, base: "q8_0" },
  { name: "q6_K", label: "Q6_K", description: "6 bits, super-blocks of 256", fileType: 18, base: "q6_K" },
  { name: "q5_K_S", label: "Q5_K_S", description: "5 bits, super-blocks of 256", fileType: 16, base: "q5_K" },
  {
    name: "q5_K_M",
    label: "Q5_K_M",
    description: "5 bits, half of attn_v and ffn_down at 6",
    fileType: 17,
    base: "q5_K",
    v: (c) => (takesMoreBits(c) ? "q6_K" : undefined),
    down: (c) => (takesMoreBits(c) ? "q6_K" : undefined),
  },
  { name: "q5_0", label: "Q5_0", description: "5 bits in blocks of 32, symmetric", fileType: 8, base: "q5_0" },
  { name: "q5_1", label: "Q5_1", description: "5 bits in blocks of 32, with a minimum", fileType: 9, base: "q5_1" },
  {
    name: "q4_K_S",
    label: "Q4_K_S",
    description: "4 bits, super-blocks of 256, the first layers at 5",
    fileType: 14,
    base: "q4_K",
    v: (c) => (c.position < 4 ? "q5_K" : undefined),
    down: (c) => (!isFalcon(c) && isInFirst(8, c) ? "q5_K" : undefined),
    oOfEight: "q5_K",
  },
  {
    name: "q4_K_M",
    label: "Q4_K_M",
    description: "4 bits, half of attn_v and ffn_down at 6; the usual choice",
    fileType: 15,
    base: "q4_K",
    v: (c) => (takesMoreBits(c) ? "q6_K" : undefined),
    down: (c) =>
      isFalcon(c) ? (isInFirst(16, c) ? "q6_K" : takesMoreBits(c) ? "q5_K" : "q4_K") : takesMoreBits(c) ? "q6_K" : undefined,
    oOfEight: "q5_K",
  },
  { name: "q4_0", label: "Q4_0", description: "4 bits in blocks of 32, symmetric", fileType: 2, base: "q4_0" },
  { name: "q4_1", label: "Q4_1", description: "4 bits in blocks of 32, with a minimum", fileType: 3, base: "q4_1" },
  {
    name: "iq4_nl",
    label: "IQ4_NL",
    description: "4 bits on a curved scale, blocks of 32",
    fileType: 25,
    base: "iq4_nl",
    ...iq4,
  },
  {
    name: "iq4_xs",
    label: "IQ4_XS",
    description: "4 bits on a curved scale, super-blocks of 256",
    fileType: 30,
    base: "iq4_xs",
    ...iq4,
  },
  {
    name: "q3_K_S",
    label: "Q3_K_S",
    description: "3 bits, super-blocks of 256",
    fileType: 11,
    base: "q3_K",
    oOfEight: "q5_K",
  },
  {
    name: "q3_K_M",
    label: "Q3_K_M",
    description: "3 bits, attn_v, attn_output and ffn_down at 4",
    fileType: 12,
    base: "q3_K",
    v: (c) => (c.position < 2 ? "q5_K" : "q4_K"),
    down: (c) => (isInFirst(16, c) ? "q5_K" : !isFalcon(c) || takesMoreBits(c) ? "q4_K" : "q3_K"),
    o: (c) => (isFalcon(c) ? undefined : "q4_K"),
    oOfEight: "q5_K",
  },
  {
    name: "q3_K_L",
    label: "Q3_K_L",
    description: "3 bits, attn_v, attn_output and ffn_down at 5",
    fileType: 13,
    base: "q3_K",
    v: "q5_K",
    down: (c) => (isFalcon(c) ? "q4_K" : "q5_K"),
    o: (c) => (isFalcon(c) ? "q4_K" : c.experts === 8 ? undefined : "q5_K"),
  },
  {
    name: "q2_K",
    label: "Q2_K",
    description: "2 bits, attn_v, attn_output and ffn_down at 3 or 4",
    fileType: 10,
    base: "q2_K",
    v: (c) => (c.groupedQueries >= 4 ? "q4_K" : "q3_K"),
    down: "q3_K",
    o: (c) => (isFalcon(c) ? undefined : "q3_K"),
    oOfEight: "q5_K",
  },
  {
    name: "mxfp4_moe",
    label: "MXFP4 MoE",
    description: "experts in 4-bit floats, the rest in Q8_0",
    fileType: 38,
    base: "mxfp4",
    besideExperts: "q8_0",
  },
  {
    name: "tq2_0",
    label: "TQ2_0",
    description: "ternary; for models trained so",
    fileType: 37,
    base: "tq2_0",
    embedding: "q4_K",
  },
  {
    name: "tq1_0",
    label: "TQ1_0",
    description: "ternary, packed tighter; for models trained so",
    fileType: 36,
    base: "tq1_0",
    embedding: "q4_K",
  },
  {
    name: "q2_0",
    label: "Q2_0",
    description: "2 bits in blocks of 64; for models trained so",
    fileType: 41,
    base: "q2_0",
    embedding: "q4_K",
  },
  { name: "q1_0", label: "Q1_0", description: "signs; for models trained so", fileType: 40, base: "q1_0" },
];

/** What takes the place of an encoding whose blocks a row does not fill: tensor_type_fallback. */
export const fallbacks: ReadonlyMap<string, string> = new Map([
  ["iq4_xs", "iq4_nl"],
  ["q2_0", "q4_0"],
  ["q2_K", "q4_0"],
  ["q3_K", "q4_0"],
  ["tq1_0", "q4_0"],
  ["tq2_0", "q4_0"],
  ["q4_K", "q5_0"],
  ["q5_K", "q5_1"],
  ["q6_K", "q8_0"],
]);

export function choose(choice: Choice | undefined, context: RuleContext): string | undefined {
  return typeof choice === "function" ? choice(context) : choice;
}
