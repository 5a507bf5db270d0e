import { checkFinite } from "../encodings/finite";
import { encodePyramid, parsePyramidName, plainSearch, type PyramidSearch } from "../encodings/pvq";
import type { Method, MethodRequest } from "./method";
import { checkRequest, unsupported } from "./options";

/**
 * Pyramid vector quantization: greedy search with polish per group, projected gains on the levels of the Beta law, each row's
 * scale by least squares. A reconstruction of arXiv 2410.16926; the Hessian-aware variant is not part of it.
 */
export const pvq: Method = {
  name: "pvq",
  label: "PVQ (reconstruction)",
  description:
    "Directions of small groups as integer points of a pyramid, with gains for the lengths; optionally after a seeded rotation",
  needs: [],
  uses: [],
  options: {},
  supports: ({ name }) => parsePyramidName(name) !== undefined,
  encode(request) {
    checkRequest(this, request);
    const { encoding, x, rows, columns, planes } = request;
    const options = parsePyramidName(encoding.name);
    if (!options) throw unsupported(this, encoding);
    checkFinite(x, rows, columns, encoding.label);
    encodePyramid(options, { x, rows, columns }, planes, searchWith(request.kernels));
  },
};

/** The compiled search where it covers the group size, else the plain one. */
function searchWith(fast: MethodRequest["kernels"]): PyramidSearch {
  const search = fast?.kernels.pyramidSearch;
  if (!fast || !search) return plainSearch;
  return (x, count, n, k, y) => {
    if (!search(x, count, n, k, y, fast.scratch)) plainSearch(x, count, n, k, y);
  };
}
