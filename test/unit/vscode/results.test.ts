import assert from "node:assert/strict";
import { reportBytes, Results, unreadableTensors } from "../../../src/vscode/results";
import { report } from "./reports";

describe("results of one model", () => {
  it("large parts are let go when memory is short, oldest first; the rest of every report stays", () => {
    const one = reportBytes(report("t0", { channels: 1000 }));
    const results = new Results(3 * one);
    for (let i = 0; i < 5; i++) results.add(report(`t${i}`, { channels: 1000 }));
    assert.deepEqual([...results.reports.keys()], ["t0", "t1", "t2", "t3", "t4"]);
    assert.deepEqual(
      ["t0", "t1", "t2", "t3", "t4"].map((t) => results.detail(t) !== undefined),
      [false, false, true, true, true],
    );
    assert.equal(results.reports.get("t4")!.input, undefined);
    assert.equal(results.detail("t4")!.input!.absMax.length, 1000);
  });

  it("a report that was asked for goes last", () => {
    const one = reportBytes(report("t0", { channels: 1000 }));
    const results = new Results(2 * one);
    results.add(report("a", { channels: 1000 }));
    results.add(report("b", { channels: 1000 }));
    results.detail("a");
    results.add(report("c", { channels: 1000 }));
    assert.deepEqual(
      ["a", "b", "c"].map((t) => results.detail(t) !== undefined),
      [true, false, true],
    );
  });

  it("one report larger than all memory is still held", () => {
    const results = new Results(1);
    results.add(report("huge", { channels: 1000 }));
    assert.ok(results.detail("huge"));
  });

  it("measuring a tensor again replaces it and counts its bytes once", () => {
    const one = reportBytes(report("t0", { channels: 1000 }));
    const results = new Results(2 * one);
    for (let i = 0; i < 10; i++) results.add(report("same", { channels: 1000 }));
    results.add(report("other", { channels: 1000 }));
    assert.ok(results.detail("same") && results.detail("other"));
  });

  it("a tensor that failed and then succeeds is no failure any more", () => {
    const results = new Results();
    results.fail("t", { code: "io", message: "", place: {} });
    results.add(report("t"));
    assert.equal(results.failures.size, 0);
  });
});

describe("tensors whose data cannot be read", () => {
  it("are known from the header, each with its problem's sentence", () => {
    const tensor = (name: string, storage?: object) => ({ name, storage }) as never;
    const problems = [
      { code: "incomplete", message: "The file is cut." },
      { code: "beyond-end", message: "Tensor b ends too late.", tensor: "b" },
    ];
    const unreadable = unreadableTensors({ tensors: [tensor("a", {}), tensor("b"), tensor("c")], problems });
    assert.deepEqual([...unreadable.keys()], ["b", "c"]);
    assert.equal(unreadable.get("b")!.message, "Tensor b ends too late.");
    assert.match(unreadable.get("c")!.message, /problems say why/);
  });
});
