import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { addBudgetCommands } from "./budgetCommands";
import { fail, quietOnClosedPipe, UsageError } from "./outcome";

/** The command line. Each subcommand is loaded when it is called, so that `--help` and `info` start at once. */
export function buildProgram(): Command {
  const program = new Command("bitlens")
    .description("See what resists quantization in a neural network, and export a smaller model that its runtime loads.")
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`bitlens: ${text.replace(/^error: /, "")}`) })
    .addHelpText("after", "\nMODEL is a .safetensors, .gguf or .onnx file, a .safetensors.index.json, or a folder that holds one model.\n" +
      "Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.");

  program
    .command("info")
    .summary("what the header says: format, architecture, tensors, sizes, problems")
    .description("Print what the model's header says. Reads no weights.")
    .argument("<MODEL>", "model file or folder")
    .option("--json", "print one JSON document instead of a table")
    .action(async (model: string, options: { json?: boolean }) => (await import("./info")).info({ model, json: options.json === true }));

  program
    .command("analyze")
    .alias("analyse")
    .summary("statistics, outlier channels and quantization error of every tensor")
    .description("Read all weights once and print per tensor: distribution, outlier channels, and the error that encodings would cause.")
    .argument("<MODEL>", "model file or folder")
    .option("-t, --tensor <GLOB>", "only tensors whose name matches; may be repeated (quote it: '*.q_proj.*')", collect)
    .option("-e, --encoding <NAME>", "measure the error of this encoding; may be repeated (see: bitlens encodings)", collect)
    .option("--json", "print one JSON document instead of a table")
    .addOption(threadsOption())
    .action(async (model: string, options: { tensor?: string[]; encoding?: string[]; json?: boolean; threads?: number }) => {
      const { tensor = [], encoding = [], threads } = options;
      return (await import("./analyze")).analyze({ model, globs: tensor, encodings: encoding, json: options.json === true, threads });
    });

  program
    .command("export")
    .summary("write a quantized copy in the model's own format")
    .description(
      "Write a quantized copy in the model's own format; a Hugging Face folder also becomes a GGUF. The copy appears under its name when it is complete and has been read back; " +
      "the source is never touched. An export whose process was killed goes on when the same command is run again.")
    .argument("<MODEL>", "model file or folder")
    .option("-e, --encoding <NAME>", "encoding of the weights (see: bitlens encodings)")
    .option("-r, --recipe <RECIPE>", "a recipe, tensor by tensor, instead of one encoding (see: bitlens plan)")
    .option("-g, --group <N>", "weights that share a scale, or \"channel\" for a whole row (int4, int8)", groupOf)
    .option("--asymmetric", "store a zero point for each group (int4, int8)")
    .requiredOption("-o, --output <OUT>", "file to write, or for safetensors a new folder")
    .option("--dry-run", "print the disk space and the time it takes, and write nothing")
    .option("--fresh", "start anew, even where an interrupted export could go on")
    .option("--force", "replace a file that has the output's name")
    .addOption(threadsOption())
    .action(async (model: string, options: ExportFlags) => {
      const { asymmetric = false, dryRun = false, fresh = false, force = false } = options;
      return (await import("./exportCommand")).exportCommand({ ...options, model, asymmetric, dryRun, fresh, force });
    });

  program
    .command("interrupted")
    .summary("exports that were killed: list, resume or discard")
    .description("List the exports whose process ended before they did, go on with them, or remove what they had written.")
    .option("--resume", "go on with all of them")
    .option("--discard", "remove what they had written")
    .addOption(threadsOption())
    .action(async ({ resume = false, discard = false, threads }: { resume?: boolean; discard?: boolean; threads?: number }) =>
      (await import("./interrupted")).interrupted({ resume, discard, threads }));

  program
    .command("compare")
    .summary("two models tensor by tensor: what the second lost against the first")
    .description("Match the tensors of two models of any formats by name and role, and print each pair's error, the most damaged first.")
    .argument("<A>", "the reference: model file or folder")
    .argument("<B>", "the model to judge")
    .option("--json", "print one JSON document instead of a table")
    .addOption(threadsOption())
    .action(async (a: string, b: string, options: { json?: boolean; threads?: number }) =>
      (await import("./compare")).compare({ a, b, json: options.json === true, threads: options.threads }));

  addBudgetCommands(program, threadsOption);

  program
    .command("encodings")
    .summary("the encodings that can be measured and exported")
    .description("List the encodings that weights can be measured in and exported to.")
    .action(async () => (await import("./encodings")).encodings());
  return program;
}

interface ExportFlags {
  encoding?: string;
  recipe?: string;
  group?: string;
  asymmetric?: boolean;
  output: string;
  dryRun?: boolean;
  fresh?: boolean;
  force?: boolean;
  threads?: number;
}

/** Runs the command line and sets the exit status; nothing it throws reaches the caller. */
export async function main(argv: readonly string[]): Promise<void> {
  quietOnClosedPipe();
  const program = buildProgram();
  try {
    if (argv.length <= 2) {
      program.outputHelp({ error: true });
      throw new UsageError("");
    }
    await program.parseAsync([...argv]);
  } catch (error) {
    // Commander has printed what it had to say.
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else fail(error);
  }
}

function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}

function threadsOption(): Option {
  return new Option("--threads <N>", "worker threads (default: one per core)").argParser((value) => {
    const threads = Number(value);
    if (!/^\d+$/.test(value) || threads < 1 || threads > 256) throw new InvalidArgumentError("Give a whole number from 1 to 256.");
    return threads;
  });
}

function groupOf(value: string): string {
  if (value === "channel" || /^[1-9]\d{0,5}$/.test(value)) return value;
  throw new InvalidArgumentError('Give a number of weights, such as 32 or 128, or "channel".');
}

/** From package.json, which stands one folder up from the bundle and two from the source. */
function version(): string {
  for (const up of ["..", "../.."]) {
    try {
      const text = readFileSync(path.join(__dirname, up, "package.json"), "utf8");
      const { name, version } = JSON.parse(text) as { name?: string; version?: string };
      if (name === "bitlens" && version) return version;
    } catch {
      // Not here.
    }
  }
  return "unknown";
}

// Bundled, this file is the program; the tests import it.
if (require.main === module) void main(process.argv);
