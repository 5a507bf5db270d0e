import assert from "node:assert/strict";
import { fileName, parseFromPanel, parseView } from "../../../src/vscode/messages";

const view = { tab: "map", measure: "kurtosis", encoding: "q4_0", sort: "name" };

describe("messages from the panel", () => {
  const good: [unknown, unknown][] = [
    [{ type: "ready" }, { type: "ready" }],
    [{ type: "ready", extra: 1 }, { type: "ready" }],
    [{ type: "painted" }, { type: "painted" }],
    [
      { type: "select", tensor: "w" },
      { type: "select", tensor: "w" },
    ],
    [
      { type: "detail", tensor: "w" },
      { type: "detail", tensor: "w" },
    ],
    [
      { type: "command", command: "export" },
      { type: "command", command: "export" },
    ],
    [
      { type: "copy", text: "a\tb" },
      { type: "copy", text: "a\tb" },
    ],
    [
      { type: "view", view },
      { type: "view", view },
    ],
    [
      { type: "view", view: { ...view, evil: { a: 1 } } },
      { type: "view", view },
    ],
    [
      { type: "save", name: "a.png", bytes: new Uint8Array([1]) },
      { type: "save", name: "a.png", bytes: new Uint8Array([1]) },
    ],
    [
      { type: "save", name: "a.csv", bytes: new Uint8Array([1]).buffer },
      { type: "save", name: "a.csv", bytes: new Uint8Array([1]) },
    ],
    [
      { type: "budget", action: { kind: "size", fileBytes: 9, final: true, extra: 1 } },
      { type: "budget", action: { kind: "size", fileBytes: 9, final: true } },
    ],
    [
      { type: "budget", action: { kind: "lock", tensor: "w", encoding: "q4_0" } },
      { type: "budget", action: { kind: "lock", tensor: "w", encoding: "q4_0" } },
    ],
    [
      { type: "budget", action: { kind: "lock", tensor: "w" } },
      { type: "budget", action: { kind: "lock", tensor: "w" } },
    ],
    [
      { type: "budget", action: { kind: "target", target: "gguf" } },
      { type: "budget", action: { kind: "target", target: "gguf" } },
    ],
    ...["open", "measure", "cancel", "unlockAll", "undo", "redo", "save", "export"].map((kind): [unknown, unknown] => [
      { type: "budget", action: { kind } },
      { type: "budget", action: { kind } },
    ]),
  ];
  for (const [given, expected] of good) {
    it(`understands ${JSON.stringify(given)}`, () => assert.deepEqual(parseFromPanel(given), expected));
  }

  const bad: unknown[] = [
    undefined,
    null,
    7,
    "ready",
    [],
    {},
    { type: "reboot" },
    { type: "select" },
    { type: "select", tensor: 3 },
    { type: "select", tensor: "x".repeat(70_000) },
    { type: "command", command: "constructor" },
    { type: "command", command: "workbench.action.quit" },
    { type: "save", name: "a.png" },
    { type: "save", name: "a.png", bytes: [1, 2] },
    { type: "save", name: 1, bytes: new Uint8Array(1) },
    { type: "copy", text: 1 },
    { type: "view", view: 1 },
    { type: "view", view: { ...view, tab: "__proto__" } },
    { type: "view", view: { tab: "map" } },
    { type: "budget" },
    { type: "budget", action: { kind: "constructor" } },
    { type: "budget", action: { kind: "size", fileBytes: NaN, final: true } },
    { type: "budget", action: { kind: "size", fileBytes: -1, final: true } },
    { type: "budget", action: { kind: "size", fileBytes: 1 } },
    { type: "budget", action: { kind: "lock" } },
    { type: "budget", action: { kind: "lock", tensor: "w", encoding: 4 } },
    { type: "budget", action: { kind: "target", target: "zip" } },
  ];
  for (const given of bad) {
    it(`ignores ${JSON.stringify(given)?.slice(0, 80)}`, () => assert.equal(parseFromPanel(given), undefined));
  }

  it("a view keeps its options and loses what is not finite", () => {
    const full = {
      ...view,
      selected: "w",
      pinned: "v",
      zoom: { x: 1, y: 2, scale: 3 },
      ascending: true,
      axis: "log",
      order: "sorted",
      fit: false,
      target: "q8_0",
      unit: "bits",
    };
    assert.deepEqual(parseView(full), full);
    assert.deepEqual(parseView({ ...view, zoom: { x: NaN, y: 0, scale: 1 } }), view);
    assert.deepEqual(parseView({ ...view, zoom: { x: 0, y: 0, scale: 0 } }), view);
  });

  const names: [string, string][] = [
    ["map.png", "map.png"],
    ["../../etc/passwd", "passwd"],
    ["C:\\x\\y.csv", "y.csv"],
    ["a:b*c.csv", "a-b-c.csv"],
    [".hidden", "hidden"],
    ["..", "bitlens"],
    ["", "bitlens"],
  ];
  for (const [given, expected] of names) {
    it(`a proposed name ${JSON.stringify(given)} stays in its folder`, () => assert.equal(fileName(given), expected));
  }
});
