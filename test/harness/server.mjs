// A real VS Code (code-server) on a loopback port, with folders of its own.
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { ensureFolder, out } from "./paths.mjs";
import { freePort, run, start, stop } from "./processes.mjs";
import { ensureCodeServer } from "./tools.mjs";

/** Settings that keep the workbench quiet, the same on every machine. */
export const quietSettings = {
  "telemetry.telemetryLevel": "off",
  "chat.disableAIFeatures": true,
  "workbench.enableExperiments": false,
  "workbench.startupEditor": "none",
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.tips.enabled": false,
  "extensions.autoCheckUpdates": false,
  "extensions.autoUpdate": "off",
  "extensions.ignoreRecommendations": true,
  "git.enabled": false,
  "window.autoDetectColorScheme": false,
  "workbench.colorTheme": "Default Dark Modern",
  "workbench.layoutControl.enabled": false,
  "window.commandCenter": false,
};

const environment = (home) => ({
  ...process.env,
  EXTENSIONS_GALLERY: "{}", // no marketplace: nothing is asked of the network
  XDG_CONFIG_HOME: path.join(home, "xdg/config"),
  XDG_DATA_HOME: path.join(home, "xdg/data"),
  XDG_CACHE_HOME: path.join(home, "xdg/cache"),
});

const folders = (home) => [
  "--config",
  path.join(home, "config.yaml"),
  "--extensions-dir",
  path.join(home, "extensions"),
  "--user-data-dir",
  path.join(home, "user-data"),
];

/** Installs a .vsix for servers that share `home`. */
export async function installExtension(home, vsix) {
  const [node, entry] = await ensureCodeServer();
  const result = await run(node, [entry, ...folders(home), "--install-extension", vsix, "--force"], {
    quiet: true,
    env: environment(home),
  });
  if (result.code !== 0) throw new Error(`${path.basename(vsix)} could not be installed:\n${result.output.slice(-2000)}`);
}

/**
 * Starts a server. `home`: folder for its settings, extensions and data, kept between servers by the caller. `driver`: the
 * page may load an extension in development and run its tests (notification toasts are suppressed then). `trusted`: false
 * keeps Restricted Mode. Resolves when it answers.
 */
export async function startServer({ home, port, settings = {}, driver = false, trusted = true, env = {}, log = "server.log" }) {
  const [node, entry] = await ensureCodeServer();
  const user = ensureFolder(path.join(home, "user-data/User"));
  writeFileSync(path.join(user, "settings.json"), JSON.stringify({ ...quietSettings, ...settings }, undefined, 2));
  port ??= await freePort();
  const logFile = path.join(ensureFolder(out), log);
  const handle = openSync(logFile, "w");
  const child = start(
    node,
    [
      entry,
      ...folders(home),
      "--bind-addr",
      `127.0.0.1:${port}`,
      "--auth",
      "none",
      "--disable-telemetry",
      "--disable-update-check",
      "--disable-getting-started-override",
      "--ignore-last-opened",
      ...(trusted ? ["--disable-workspace-trust"] : []),
      ...(driver ? ["--vscode-option", "enable-smoke-test-driver"] : []),
    ],
    { env: { ...environment(home), ...env }, stdio: ["ignore", handle, handle] },
  );
  closeSync(handle);
  const base = `http://127.0.0.1:${port}`;
  const server = {
    base,
    host: `127.0.0.1:${port}`,
    child,
    stop: () => stop(child),
    /** The address that opens `folder`, with parameters for the workbench. */
    url: (folder, payload) =>
      `${base}/?folder=${encodeURIComponent(folder)}` +
      (payload ? `&payload=${encodeURIComponent(JSON.stringify(payload))}` : ""),
    /** A file of this machine as the workbench names it. */
    remote: (file) => `vscode-remote://127.0.0.1:${port}${file}`,
  };
  let ended;
  void child.ended.then((end) => (ended = end));
  for (let i = 0; i < 240; i++) {
    if (ended) throw new Error(`The server ended with code ${ended.code}:\n${readFileSync(logFile, "utf8").slice(-2000)}`);
    const up = await fetch(`${base}/healthz`).then(
      (r) => r.ok,
      () => false,
    );
    if (up) return server;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  await server.stop();
  throw new Error(`The server did not answer within a minute; its log is ${logFile}.`);
}
