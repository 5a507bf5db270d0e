import assert from "node:assert/strict";
import type { Progress } from "../../../src/core/api/engine";
import { estimateText, planName, progressText, resultText, warnedQuestion } from "../../../src/vscode/exportText";

describe("what an export says", () => {
  const estimates: [bytes: number, free: number, seconds: number, says: string][] = [
    [1.2e9, 80e9, 180, "1.20 GB to write, 80.0 GB free, about 3 min"],
    [654_170, 80e9, 0.2, "654 kB to write, 80.0 GB free, under a second"],
    [654_170, Infinity, 12, "654 kB to write, about 12 s"],
    [654_170, Infinity, 7500, "654 kB to write, about 2 h 5 min"],
  ];
  for (const [bytesLeft, freeBytes, seconds, says] of estimates)
    it(says, () => assert.equal(estimateText({ bytesLeft, freeBytes, seconds, byteLength: 2e9, tensorsDone: 0, tensorsTotal: 9 }), says));

  it("progress: no time before it is known, and no estimate of an estimate", () => {
    const at = (seconds: number): Progress => ({ tensorsDone: 1, tensorsTotal: 2, bytesDone: 5e8, bytesTotal: 1e9, seconds });
    assert.equal(progressText({ ...at(0), bytesDone: 0 }), "0 B of 1.00 GB");
    assert.match(progressText(at(60)), /^500 MB of 1\.00 GB, about (60 s|1 min) left$/);
    assert.doesNotMatch(progressText(at(0.3)), /about under/);
  });

  it("a folder's size is that of several files, and says so", () => {
    const result = { output: "/m/tale-int4", files: ["model.safetensors", "config.json"], byteLength: 1_350_000, bitsPerWeight: 15.4, tensorCount: 14, notes: [] };
    assert.equal(resultText(result), "Exported tale-int4: 1.35 MB in 2 files, 15.4 bpw, 14 tensors quantized.");
    const file = { ...result, output: "/m/t.gguf", files: ["t.gguf"], tensorCount: 1, notes: ["A.", "B."] };
    assert.equal(resultText(file), "Exported t.gguf: 1.35 MB, 15.4 bpw, 1 tensor quantized. A.");
  });

  it("a question begins as a sentence does; a file's name stays", () => {
    assert.equal(warnedQuestion(planName, "a.gguf", 1), "The current plan fits a.gguf, with one thing to know.");
    assert.equal(warnedQuestion("phone.bitlens.json", "a.gguf", 3), "phone.bitlens.json fits a.gguf, with 3 things to know.");
  });
});
