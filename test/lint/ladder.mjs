// The architecture as lint rules: the import ladder and the fences of ARCHITECTURE.md.
import path from "node:path";

/** Rungs from the bottom up. A folder may import itself and any folder on a lower rung; siblings do not see each other. */
const rungs = [
  ["src/core"],
  ["src/formats", "src/encodings", "src/metrics", "src/kernels"],
  ["src/methods", "src/transforms", "src/graph"],
  ["src/budget", "src/evaluation"],
  ["src/engine"],
  ["src/node"],
  ["src/vscode", "src/cli"],
];
const rungOf = new Map(rungs.flatMap((folders, level) => folders.map((f) => [f, level])));
/** Folders that stand outside the ladder, with the only project folders they may import (besides themselves). */
const outside = { webview: ["src/core"] };
/** Within `outside` folders: import specifiers that only one subfolder may use. */
const fences = [
  { module: /^vscode$/, only: ["src/vscode", "test/extension"], says: "the vscode API is imported in src/vscode and test/extension alone" },
  { module: /^onnxruntime-node/, only: ["src/node/ort", "test"], says: "onnxruntime-node is imported in src/node/ort alone" },
  { module: /^@vscode\/webview-ui-toolkit/, only: ["webview/ui"], says: "the component toolkit is imported in webview/ui alone" },
  { module: /^node:|^(fs|path|os|child_process|worker_threads|crypto|url|util|stream|events|module|process|v8|vm|zlib)(\/|$)/,
    only: ["src/node", "src/cli", "src/vscode", "test"], says: "Node built-ins are used in node, cli, vscode and test alone" },
];
const domGlobals = ["document", "window", "HTMLElement", "localStorage", "navigator"];
const under = (file, folder) => file === folder || file.startsWith(folder + "/");
const owner = (file) => [...rungOf.keys(), ...Object.keys(outside), "test"].find((f) => under(file, f));

/** The reason an import is not allowed, or undefined. Paths are relative to the root, with "/". */
export function violation(from, specifier) {
  const fence = fences.find((f) => f.module.test(specifier));
  if (fence) return fence.only.some((f) => under(from, f)) ? undefined : fence.says;
  if (!specifier.startsWith(".")) return undefined;
  const to = path.posix.normalize(path.posix.join(path.posix.dirname(from), specifier));
  const a = owner(from);
  const b = owner(to);
  if (a === undefined || a === "test" || b === undefined || a === b) {
    return a !== undefined && a !== "test" && b === undefined ? `${from} imports ${to}, which is outside the ladder` : undefined;
  }
  if (b === "test") return `${a} may not import tests`;
  if (a in outside) return outside[a].includes(b) ? undefined : `${a} may import ${outside[a].join(", ")} only`;
  if (b in outside) return `${b} is imported by nobody`;
  return rungOf.get(b) < rungOf.get(a) ? undefined : `${a} may not import ${b}: imports point down the ladder and siblings do not see each other`;
}

const ladder = {
  meta: { type: "problem", schema: [], messages: { no: "{{why}}" } },
  create(context) {
    const from = path.relative(context.cwd, context.filename).split(path.sep).join("/");
    const check = (node, source) => {
      if (typeof source?.value !== "string") return;
      const why = violation(from, source.value);
      if (why) context.report({ node, messageId: "no", data: { why } });
    };
    return {
      ImportDeclaration: (n) => check(n, n.source),
      ExportNamedDeclaration: (n) => check(n, n.source),
      ExportAllDeclaration: (n) => check(n, n.source),
      ImportExpression: (n) => check(n, n.source),
      TSImportType: (n) => check(n, n.argument?.literal ?? n.source),
      "CallExpression[callee.name='require']": (n) => check(n, n.arguments[0]),
    };
  },
};

const noDom = {
  meta: { type: "problem", schema: [], messages: { no: "the DOM is used in webview alone" } },
  create(context) {
    return {
      Program(node) {
        const scope = context.sourceCode.getScope(node);
        for (const ref of scope.through) {
          if (domGlobals.includes(ref.identifier.name)) context.report({ node: ref.identifier, messageId: "no" });
        }
      },
    };
  },
};

export default { rules: { ladder, "no-dom": noDom } };
