/** Options of mocha whose value could be taken for a file. */
const withValue = new Set(["-g", "--grep", "-f", "--fgrep", "-R", "--reporter", "-r", "--require", "-O", "--reporter-option"]);

/**
 * The unit tests that a command line is about: those that it names, else all. Mocha adds what it is told to a configuration's
 * own list, so the list is empty where something is named.
 */
exports.specs = (args) => {
  const isNamed = args.some(
    (arg, i) => !withValue.has(args[i - 1]) && (/^--spec\b/.test(arg) || (!arg.startsWith("-") && /\.test\.ts$|^(\.\/)?test\//.test(arg))),
  );
  return isNamed ? [] : ["test/unit/**/*.test.ts"];
};
