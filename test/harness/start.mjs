// npm start [-- path/to/model]: opens Bitlens on a model in a real VS Code.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import path from "node:path";
import { cache, ensureFolder, root, sample } from "./paths.mjs";
import { hasProgram, start } from "./processes.mjs";
import { ensureDependencies } from "./tools.mjs";

const given = process.argv.slice(2).find((arg) => !arg.startsWith("-"));
const opener = path.join(import.meta.dirname, "opener");
const inBrowser = process.argv.includes("--browser");
const problem = (text) => {
  console.error(text);
  process.exit(1);
};

const named = path.resolve(process.env.INIT_CWD ?? process.cwd(), given ?? sample);
if (!existsSync(named)) problem(given ? `There is no file ${named}.` : `The sample model is missing: ${named}.`);
const model = statSync(named).isDirectory() ? modelIn(named) : named;
if (!statSync(model).isFile() || !/\.(safetensors|gguf|onnx|safetensors\.index\.json)$/i.test(model)) {
  problem(`${model} is not a model file; name a .safetensors, .gguf, .onnx or .safetensors.index.json file.`);
}

try {
  await ensureDependencies();
  const { buildAll } = await import("./package.mjs");
  await buildAll();
  if (!inBrowser && (await hasProgram("code"))) desktop();
  else await browser();
} catch (error) {
  problem(error.message);
}

/** A folder stands for the model that the command line would take: an index, the usual name, or the only file. */
function modelIn(folder) {
  const names = readdirSync(folder).sort();
  const usual = ["model.safetensors.index.json", "model.safetensors"].find((name) => names.includes(name));
  const whole = names.filter((name) => /\.(safetensors\.index\.json|safetensors|gguf|onnx)$/i.test(name) && !/-0*([2-9]|\d\d+)-of-\d+\./.test(name));
  if (!usual && whole.length !== 1)
    problem(`The folder ${folder} holds ${whole.length ? `${whole.length} models; name one of them: ${whole.slice(0, 5).join(", ")}${whole.length > 5 ? ", …" : ""}` : "no model; name a model file"}.`);
  return path.join(folder, usual ?? whole[0]);
}

/** The VS Code that is installed here, in a window of its own. */
function desktop() {
  console.log(`Opening ${model} in VS Code.`);
  const development = [root, opener].map((folder) => `--extensionDevelopmentPath=${folder}`);
  const windows = process.platform === "win32"; // "code" is a script there, which needs a shell and quotes
  const args = ["--new-window", ...development, path.dirname(model), model].map((arg) => (windows ? `"${arg}"` : arg));
  // Not through `run`: the window must outlive us.
  const { status } = spawnSync("code", args, { stdio: "inherit", shell: windows, env: { ...process.env, BITLENS_OPEN: model } });
  if (status !== 0) throw new Error(`"code" ended with exit code ${status}; try again with: npm start -- --browser`);
}

/** VS Code served to a browser on this machine, until Ctrl-C. */
async function browser() {
  if (process.platform === "win32")
    throw new Error(
      "VS Code was not found: install it and its \"code\" command (Shell Command: Install 'code' command in PATH).",
    );
  const { installExtension, startServer } = await import("./server.mjs");
  const { pack, packageFor, thisTarget } = await import("./package.mjs");
  const home = ensureFolder(path.join(cache, "start"));
  const openerPackage = path.join(home, "opener.vsix");
  await pack({ cwd: opener, packagePath: openerPackage });
  for (const file of [await packageFor(thisTarget, { folder: home, build: false }), openerPackage])
    await installExtension(home, file);
  const file = realpathSync(model);
  const server = await startServer({
    home,
    log: "start-server.log",
    port: Number(process.env.PORT) || undefined,
    env: { BITLENS_OPEN: file },
  });
  const url = server.url(path.dirname(file));
  console.log(`\n  Bitlens is open on ${file}\n\n  ${url}\n\n  Ctrl-C ends it.\n`);
  openInBrowser(url);
  const { code } = await server.child.ended;
  process.exit(code);
}

/** Where there is a display. The address is printed anyway. */
function openInBrowser(url) {
  const display = process.platform === "darwin" || process.env.DISPLAY || process.env.WAYLAND_DISPLAY;
  if (!display || process.env.CI) return;
  start(process.platform === "darwin" ? "open" : "xdg-open", [url], { stdio: "ignore" });
}
