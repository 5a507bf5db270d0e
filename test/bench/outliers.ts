import * as fs from "node:fs";
import * as path from "node:path";

/** Channels of the residual stream that are loud, and by how much, at the input of each norm. */
const residual = [71, 73, 159, 167, 194, 255];
const norms: readonly (readonly [name: string, factors: readonly number[]])[] = [
  ["0.input_layernorm", [38.896, 32.161, 54.735, 20.71, 54.419, 56.519]],
  ["0.post_attention_layernorm", [42.902, 21.384, 57.718, 59.991, 38.114, 46.475]],
  ["1.input_layernorm", [47.906, 54.186, 21.91, 58.22, 41.788, 48.619]],
  ["1.post_attention_layernorm", [46.19, 24.815, 37.093, 28.842, 59.11, 49.327]],
  ["2.input_layernorm", [53.49, 24.758, 21.91, 20.714, 35.692, 49.777]],
  ["2.post_attention_layernorm", [31.975, 28.423, 33.576, 37.657, 22.488, 26.468]],
  ["3.input_layernorm", [32.607, 56.518, 49.618, 57.114, 43.843, 22.619]],
  ["3.post_attention_layernorm", [25.015, 23.624, 49.199, 57.456, 40.153, 26.46]],
];
/** Inner channels of each layer's feed-forward network, thirtyfold. */
const inner = [[157, 682, 692, 744], [74, 95, 220, 334], [150, 170, 324, 637], [167, 603, 637, 701]];
const innerFactor = 30;

interface Matrix {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/**
 * A copy of the sample in F32 that computes the same function with realistic outliers: norms that are louder in a few channels, with
 * the columns behind them quieter, and rows of up_proj that are louder, with the columns of down_proj quieter.
 */
export function writeOutliers(sample: string, folder: string): void {
  fs.cpSync(sample, folder, { recursive: true });
  const file = path.join(folder, "model.safetensors");
  const tensors = readBf16(fs.readFileSync(file));
  const scaleRows = ({ shape, values }: Matrix, row: number, factor: number) => {
    const columns = shape[1] ?? 1;
    for (let c = 0; c < columns; c++) values[row * columns + c] *= factor;
  };
  const scaleColumn = ({ shape: [rows, columns], values }: Matrix, column: number, factor: number) => {
    for (let r = 0; r < rows; r++) values[r * columns + column] *= factor;
  };
  const of = (name: string) => tensors.get(`model.layers.${name}.weight`)!;
  for (const [name, factors] of norms) {
    const layer = name[0];
    const readers = name.includes("input") ? ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"] : ["mlp.gate_proj", "mlp.up_proj"];
    factors.forEach((factor, i) => {
      scaleRows(of(name), residual[i], factor);
      for (const reader of readers) scaleColumn(of(`${layer}.${reader}`), residual[i], 1 / factor);
    });
  }
  inner.forEach((channels, layer) => {
    for (const channel of channels) {
      scaleRows(of(`${layer}.mlp.up_proj`), channel, innerFactor);
      scaleColumn(of(`${layer}.mlp.down_proj`), channel, 1 / innerFactor);
    }
  });
  fs.writeFileSync(file, f32File(tensors));
}

function readBf16(file: Buffer): Map<string, Matrix> {
  const length = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString("utf8", 8, 8 + length)) as Record<string, { shape: number[]; data_offsets: [number, number] }>;
  const tensors = new Map<string, Matrix>();
  delete header.__metadata__;
  for (const [name, { shape, data_offsets: [from, to] }] of Object.entries(header)) {
    const bits = Uint32Array.from({ length: (to - from) / 2 }, (_, i) => file.readUInt16LE(8 + length + from + 2 * i) << 16);
    tensors.set(name, { shape, values: new Float32Array(bits.buffer) });
  }
  return tensors;
}

function f32File(tensors: ReadonlyMap<string, Matrix>): Buffer {
  let end = 0;
  const header: Record<string, unknown> = {};
  for (const [name, { shape, values }] of tensors) header[name] = { dtype: "F32", shape, data_offsets: [end, (end += values.byteLength)] };
  const text = Buffer.from(JSON.stringify(header));
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([head, text, ...[...tensors.values()].map(({ values }) => Buffer.from(values.buffer, values.byteOffset, values.byteLength))]);
}
