import { randomBytes } from "node:crypto";
import * as vscode from "vscode";

/** Folders a panel may load from. */
export const panelRoots = (extensionUri: vscode.Uri) => [
  vscode.Uri.joinPath(extensionUri, "dist"),
  vscode.Uri.joinPath(extensionUri, "media"),
];

export interface PageFacts {
  readonly title: string;
  /** Which page the script makes (webview/main.ts). */
  readonly page: "model" | "compare";
}

/** The page around the webview's script: nothing may load but that script and its styles. */
export function panelHtml(webview: vscode.Webview, extensionUri: vscode.Uri, { title, page }: PageFacts): string {
  const nonce = randomBytes(16).toString("base64");
  const at = (...parts: string[]) => webview.asWebviewUri(vscode.Uri.joinPath(extensionUri, ...parts)).toString();
  // img-src: PNG export and drag images draw from the page's own blobs; nothing is fetched.
  const styles = `style-src ${webview.cspSource} 'nonce-${nonce}'`;
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; ${styles}; img-src blob: data:`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta property="csp-nonce" content="${nonce}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<link rel="stylesheet" href="${at("media", "panel.css")}">
</head>
<body>
<div id="app" data-page="${page}"></div>
<script nonce="${nonce}" src="${at("dist", "webview.js")}"></script>
</body>
</html>`;
}

const escapes: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (c) => escapes[c]);
