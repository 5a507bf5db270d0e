// Tests run programs and kernels from dist/. Without it they would fail by the hundred, each with another error.
const { existsSync } = require("node:fs");
const path = require("node:path");

const dist = path.join(__dirname, "../../dist");
if (!["kernels.wasm", "cli.js", "engine.js", "worker.js"].every((name) => existsSync(path.join(dist, name)))) {
  process.stderr.write("The tests use what is built in dist/, and something of it is missing; run `npm run build` first.\n");
  process.exit(1);
}
