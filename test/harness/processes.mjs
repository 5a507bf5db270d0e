// Child processes that never outlive us: each runs in a group of its own, and every group still alive is killed when this
// process ends, for whatever reason it can still notice.
import { spawn } from "node:child_process";
import { createServer } from "node:net";

const groups = new Set();
const grouped = process.platform !== "win32";

function signal(child, name) {
  try {
    if (grouped) process.kill(-child.pid, name);
    else child.kill(name);
  } catch {
    // Gone already.
  }
}

process.on("exit", () => groups.forEach((child) => signal(child, "SIGKILL")));
for (const [name, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
])
  process.on(name, () => process.exit(code));

/** Starts a program in its own process group. */
export function start(command, args, options = {}) {
  const child = spawn(command, args, { stdio: "inherit", ...options, detached: grouped, windowsHide: true });
  groups.add(child);
  // The leader's end is not the group's end: the group stays registered until `stop` or our own exit.
  child.ended = new Promise((resolve) => {
    child.on("error", (error) => resolve({ code: 127, error }));
    child.on("exit", (code, signalName) => resolve({ code: code ?? 1, signal: signalName ?? undefined }));
  });
  return child;
}

/** Ends a program and everything it started: politely, then not. */
export async function stop(child) {
  signal(child, "SIGTERM");
  const patience = new Promise((resolve) => setTimeout(resolve, 5_000).unref());
  await Promise.race([child.ended, patience]);
  signal(child, "SIGKILL");
  groups.delete(child);
}

/** Runs a program to its end. Resolves with its exit code and, unless it writes to our terminal, its output. */
export async function run(command, args, { quiet = false, timeout = 0, ...options } = {}) {
  const child = start(command, args, {
    ...options,
    stdio: quiet ? ["ignore", "pipe", "pipe"] : ["ignore", "inherit", "inherit"],
  });
  let output = "";
  child.stdout?.on("data", (data) => (output += data));
  child.stderr?.on("data", (data) => (output += data));
  let timedOut = false;
  const timer = timeout
    ? setTimeout(() => {
        timedOut = true;
        signal(child, "SIGKILL");
      }, timeout)
    : undefined;
  const end = await child.ended;
  clearTimeout(timer);
  signal(child, "SIGKILL"); // stragglers of the group
  groups.delete(child);
  return { ...end, code: timedOut ? 124 : end.code, timedOut, output: end.error ? String(end.error) : output };
}

/** npm as a child of the Node that runs us; on Windows it is a script that needs a shell. */
export function npm(args, options) {
  const windows = process.platform === "win32";
  return run(windows ? "npm.cmd" : "npm", args, { shell: windows, ...options });
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

export async function hasProgram(name) {
  const { code } = await run(process.platform === "win32" ? "where" : "which", [name], { quiet: true });
  return code === 0;
}
