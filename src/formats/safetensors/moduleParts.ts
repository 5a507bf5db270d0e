import { EngineError } from "../../core/errors";
import type { EncodingFacts, Segment } from "../format";
import { dtypes } from "./dtypes";
import type { PlannedTensor } from "./headerWriter";
import { awq } from "./quantized/awq";
import { floatBlocks, integerScaled, packed } from "./quantized/compressedTensors";
import { gptq } from "./quantized/gptq";
import { Inconsistent, type Layout } from "./quantized/layout";
import { Constants, type PartsInput, type StoredPart } from "./quantized/parts";
import { bitlensPlanes } from "./quantized/planes";
import { type Scheme, schemeOf } from "./schemes";

/** An output tensor and where its bytes come from; the offset is filled in by the file's layout. */
export interface OutputTensor extends PlannedTensor {
  readonly content: (offset: number) => Segment;
}

const layouts: Readonly<Record<Scheme["layout"], Layout>> = {
  packed,
  integer: integerScaled,
  float: floatBlocks,
  gptq,
  awq,
  planes: bitlensPlanes,
};

export interface EncodedModule {
  /** "model.layers.0.mlp.up_proj". */
  readonly module: string;
  /** [out, in] of its weight. */
  readonly shape: readonly number[];
  readonly encoding: string;
  readonly scheme: Scheme;
}

/** The tensors that hold `<module>.weight` in its new encoding. Throws "bad-request" where it does not fit. */
export function moduleTensors(
  { module, shape, encoding, scheme }: EncodedModule,
  facts: EncodingFacts,
  constants: Constants,
): OutputTensor[] {
  const [rows, columns] = shape;
  const tensor = `${module}.weight`;
  if (!facts.fits(encoding, columns))
    throw new EngineError("bad-request", `${encoding} cannot hold rows of ${columns} weights; leave it as it is.`, { tensor });
  const bytes = facts.planeBytes(encoding, rows, columns);
  return partsOf({ encoding, scheme, rows, columns, constants }, tensor).map(({ name, dtype, shape, content }) => {
    const byteLength = (shape.reduce((a, b) => a * b, 1) * dtypes.get(dtype)!.bits) / 8;
    const held = "bytes" in content ? content.bytes.length : bytes[content.plane];
    if (!("plane" in content && content.arrangement !== "rows") && held !== byteLength)
      throw new EngineError("bad-request", `${encoding} takes ${held} bytes where ${name} has ${byteLength}.`, { tensor });
    return {
      name: `${module}.${name}`,
      dtype,
      shape,
      byteLength,
      content: (offset): Segment =>
        "bytes" in content
          ? { kind: "bytes", offset, bytes: content.bytes }
          : { kind: "plane", offset, byteLength, tensor, encoding, plane: content.plane, arrangement: content.arrangement },
    };
  });
}

/** Bytes of all tensors that hold a weight in an encoding. */
export function storedBytes(encoding: string, { rows, columns }: { rows: number; columns: number }, facts: EncodingFacts): number {
  const scheme = schemeOf(encoding);
  if (!scheme) return facts.planeBytes(encoding, rows, columns).reduce((a, b) => a + b, 0);
  const parts = partsOf({ encoding, scheme, rows, columns, constants: new Constants() }, "weight");
  return parts.reduce((sum, { dtype, shape }) => sum + (shape.reduce((a, b) => a * b, 1) * dtypes.get(dtype)!.bits) / 8, 0);
}

function partsOf(input: PartsInput, tensor: string): readonly StoredPart[] {
  try {
    return layouts[input.scheme.layout].parts(input);
  } catch (error) {
    if (error instanceof Inconsistent) throw new EngineError("bad-request", `${input.encoding}: ${error.message}.`, { tensor });
    throw error instanceof EngineError ? new EngineError(error.code, error.message, { tensor, ...error.place }) : error;
  }
}
