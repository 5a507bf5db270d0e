import type { Method } from "./method";
import { checkRequest, unsupported } from "./options";

/** Each block or group by itself, by the encoding's own rule: ggml's searches, grids' scales, plain rounding for floats. */
export const rtn: Method = {
  name: "rtn",
  label: "Round to nearest",
  description: "Every block by itself, with the encoding's own search for its scales",
  needs: [],
  uses: ["importance"],
  options: {},
  supports: (encoding) => encoding.encode !== undefined,
  kernel: ({ name }) => name,
  encode(request) {
    checkRequest(this, request);
    const { encoding, x, rows, columns, planes, statistics } = request;
    if (!encoding.encode) throw unsupported(this, encoding);
    encoding.encode(x, rows, columns, planes, statistics?.importance);
  },
};
