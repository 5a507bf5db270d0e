#!/usr/bin/env node
// Stands in for the VS Code executable where it cannot be downloaded: ignores Electron's flags, runs the suite in a served VS
// Code with Chromium, and exits as the suite does. Use: BITLENS_VSCODE=test/harness/vscodeShim.mjs npm run test:electron
import { runExtensionTests } from "./extensionHost.mjs";

try {
  const tests = await runExtensionTests({ results: process.env.BITLENS_RESULTS });
  process.exit(tests.length && tests.every((t) => t.ok) ? 0 : 1);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
