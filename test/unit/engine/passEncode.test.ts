import assert from "node:assert/strict";
import { encoding as encodingNamed } from "../../../src/encodings";
import { STRETCH } from "../../../src/engine/passArena";
import { encodeBand } from "../../../src/engine/passEncode";
import { passHarness, sourceOf } from "../../builders/passHarness";
import { gaussians } from "../../builders/random";

const rows = 2;
const columns = 2 * STRETCH;
const x = gaussians(rows * columns, 3);

/** What the pass makes of a tensor that is stored in one encoding, in another. */
function reencoded(from: string, to: string, simd: boolean): (Uint8Array | undefined)[] {
  const { context, files } = passHarness({ simd });
  const tensor = sourceOf(files, x, from, { rows, columns });
  const planes = encodingNamed(to).planes.map(() => ({ collect: true }) as const);
  return encodeBand(context, { kind: "encode", tensor, encoding: to, planes }, { row: 0, rows, column: 0, columns });
}

describe("rows longer than a stretch, whose bytes are not in the order of their elements", () => {
  for (const name of ["lsbq1-g128", "lsbq2-g128", "lsbq3-g64", "ternary-g128", "int4-g128"]) {
    const encoding = encodingNamed(name);
    const planes = encoding.planes.map((plane) => new Uint8Array(rows * plane.rowBytes(columns)));
    encoding.encode!(x, rows, columns, planes);

    for (const simd of [true, false]) {
      it(`${name} is written as the encoding has it, ${simd ? "compiled" : "plain"} kernels`, () => {
        const written = reencoded("f32", name, simd);
        written.forEach((plane, i) => assert.equal(Buffer.compare(plane!, planes[i]), 0, encoding.planes[i].name));
      });
    }

    it(`${name} is read as the encoding has it`, () => {
      const values = new Float32Array(rows * columns);
      encoding.decode(planes, rows, columns, values);
      assert.equal(Buffer.compare(reencoded(name, "f32", true)[0]!, new Uint8Array(values.buffer)), 0);
    });
  }
});
