import { parsePyramidName } from "../encodings/pvq";
import type { Method } from "./method";
import { checkRequest, unsupported } from "./options";

/**
 * Pyramid vector quantization: greedy search with polish per group, projected gains on the levels of the Beta law, each row's
 * scale by least squares. A reconstruction of arXiv 2410.16926; the Hessian-aware variant is not part of it.
 */
export const pvq: Method = {
  name: "pvq",
  label: "PVQ (reconstruction)",
  description: "Directions of small groups as integer points of a pyramid, with gains for the lengths; optionally after a seeded rotation",
  needs: [],
  uses: [],
  supports: ({ name }) => parsePyramidName(name) !== undefined,
  encode(request) {
    checkRequest(this, request);
    const { encoding, x, rows, columns, planes } = request;
    if (!encoding.encode) throw unsupported(this, encoding);
    encoding.encode(x, rows, columns, planes);
  },
};
