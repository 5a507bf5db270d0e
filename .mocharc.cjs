const { specs } = require("./test/harness/specs.cjs");

module.exports = {
  require: ["./test/harness/built.cjs", "tsx/cjs"],
  extension: ["ts"],
  spec: specs(process.argv.slice(2)),
  timeout: 20_000,
  reporter: "dot",
};
