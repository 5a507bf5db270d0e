import assert from "node:assert/strict";
import type { MapLayout } from "../../../webview/charts/cells";
import { cellAt, layoutMap, neighbour, stackOf } from "../../../webview/charts/mapLayout";
import { moduleGroups } from "../../../webview/charts/moduleLayout";
import { blocks, tensor, type PanelTensor } from "../../builders/panelModel";

const space = { width: 600, height: 500 };

/** No two cells overlap, every cell has an area, and all lie inside. */
function check(tensors: readonly PanelTensor[], within = space): MapLayout {
  const layout = layoutMap(tensors, within);
  assert.equal(layout.cells.length, tensors.length * 4);
  const c = layout.cells;
  for (let i = 0; i < c.length; i += 4) {
    assert.ok(c[i + 2] > 0 && c[i + 3] > 0, `cell ${i / 4} has no area`);
    assert.ok(
      c[i] >= 0 && c[i + 1] >= 0 && c[i] + c[i + 2] <= layout.width + 0.01 && c[i + 1] + c[i + 3] <= layout.height + 0.01,
      `cell ${i / 4} is outside`,
    );
    for (let j = 0; j < i; j += 4) {
      const overlap =
        Math.min(c[i] + c[i + 2], c[j] + c[j + 2]) - Math.max(c[i], c[j]) > 0.01 &&
        Math.min(c[i + 1] + c[i + 3], c[j + 1] + c[j + 3]) - Math.max(c[i + 1], c[j + 1]) > 0.01;
      assert.ok(!overlap, `cells ${i / 4} and ${j / 4} overlap`);
    }
  }
  return layout;
}

const experts = (layers: number, n: number) =>
  Array.from({ length: layers }, (_, layer) =>
    Array.from({ length: n }, (_, expert) =>
      tensor(`model.layers.${layer}.experts.${expert}.up.weight`, { role: "up", layer, expert }),
    ),
  ).flat();

describe("map layout", () => {
  it("layers go down in number order even when the file has 10 before 2", () => {
    const shuffled = [10, 2, 0, 1].flatMap((layer) => [
      tensor(`l.${layer}.q.weight`, { role: "q", layer }),
      tensor(`l.${layer}.k.weight`, { role: "k", layer }),
    ]);
    const layout = check(shuffled);
    assert.equal(layout.kind, "layers");
    assert.deepEqual(
      layout.rows.map((r) => r.label),
      ["0", "1", "2", "10"],
    );
    assert.deepEqual(
      layout.columns.map((r) => r.label),
      ["q", "k"],
    );
  });
  it("the embedding stands above and the head below all layers", () => {
    const layout = check(blocks(3));
    assert.deepEqual(
      layout.rows.map((r) => r.label),
      ["embed", "0", "1", "2", "head"],
    );
    assert.equal(layout.cells[1], 0);
  });
  it("a hundred layers fit into the view", () => {
    assert.ok(check(blocks(50), { width: 600, height: 700 }).height <= 700);
  });
  for (const n of [1, 2, 7, 8, 60, 128]) {
    it(`${n} experts share one position without touching`, () => check([...blocks(2), ...experts(2, n)]));
  }
  it("an encoder's layer 0 and a decoder's do not share a row", () => {
    const both = ["encoder", "decoder"].flatMap((s) =>
      [0, 1].flatMap((layer) =>
        (["q", "k"] as const).map((role) => tensor(`${s}.layers.${layer}.${role}.weight`, { role, layer })),
      ),
    );
    assert.deepEqual(
      check(both).rows.map((r) => r.label),
      ["encoder 0", "encoder 1", "decoder 0", "decoder 1"],
    );
  });
  it("layers counted on through encoder and decoder are labelled as their names have them", () => {
    const both = ["encoder", "decoder"].flatMap((s, k) =>
      [0, 1].flatMap((n) => (["q", "k"] as const).map((role) => tensor(`${s}.layers.${n}.${role}.weight`, { role, layer: k * 2 + n }))),
    );
    assert.deepEqual(
      check(both).rows.map((r) => r.label),
      ["encoder 0", "encoder 1", "decoder 0", "decoder 1"],
    );
  });
  it("a network without roles keeps its order, grouped by module", () => {
    const tensors = ["a.conv1", "a.conv2", "a.bn", "b.conv1", "b.conv2", "c.fc"].map((n) =>
      tensor(`${n}.weight`, { role: "conv", group: n }),
    );
    const layout = check(tensors);
    assert.equal(layout.kind, "modules");
    const order = [...tensors.keys()].sort(
      (i, j) => layout.cells[i * 4 + 1] - layout.cells[j * 4 + 1] || layout.cells[i * 4] - layout.cells[j * 4],
    );
    assert.deepEqual(order, [...tensors.keys()]);
  });
  it("five hundred modules of one tensor each do not become five hundred rows", () => {
    const tensors = Array.from({ length: 500 }, (_, i) =>
      tensor(`net.block${i % 10}.conv${i}.weight`, { group: `net.block${i % 10}.conv${i}` }),
    );
    assert.ok(moduleGroups(tensors).size <= 50);
    check(tensors, { width: 400, height: 400 });
  });
  it("a file of unrelated tensors fills rows instead of one column", () => {
    const tensors = Array.from({ length: 60 }, (_, i) => tensor(`${i}`, { group: "", role: "other" }));
    const layout = check(tensors);
    assert.deepEqual(layout.rows.map((r) => r.label), ["0 … 59"]);
    assert.ok(layout.width > space.width / 2);
  });
  it("a cell says what its row does not", () => {
    const names = ["conv1/Conv2D", "conv1/BiasAdd", "conv2/Conv2D", "conv2/BiasAdd"].map((n) => `model/${n}/ReadVariableOp:0`);
    const layout = check(names.map((n) => tensor(n, { role: "conv", group: n.replace(/\/\w+:0$/, "").replace(/\/\w+$/, "") })));
    assert.deepEqual(layout.rows.map((r) => r.label), ["model.conv1", "model.conv2"]);
    assert.deepEqual(layout.captions, ["Conv2D", "BiasAdd", "Conv2D", "BiasAdd"]);
  });
  it("a cell whose row has the tensor's own name says its last part, for which there is room", () => {
    const layout = check([tensor("a.conv.weight", { group: "a.conv" }), tensor("a.conv.bias", { group: "a.conv" })]);
    assert.deepEqual(layout.captions, ["conv", "bias"]);
    const numbered = check([tensor("a.conv.2.weight", { group: "a.conv.2" }), tensor("a.conv.2.bias", { group: "a.conv.2" })]);
    assert.deepEqual(numbered.captions, ["conv.2", "bias"]);
  });
  it("names that are patterns or empty do no harm", () => {
    for (const name of ["__proto__", "", "....", "(", "0"])
      check([tensor(name, { group: "" }), tensor(`${name}2`, { group: "__proto__" })]);
  });
  it("no tensors, and no room, still give a layout", () => {
    layoutMap([], space);
    check(blocks(2), { width: 1, height: 1 });
  });
  it("the stack is the name before the block number", () => {
    assert.deepEqual(stackOf({ name: "model.layers.11.mlp.1.weight", layer: 11 }), { stack: "model.layers", number: 11 });
    assert.deepEqual(stackOf({ name: "blk.0.attn_q.weight", layer: 0 }), { stack: "blk", number: 0 });
    assert.deepEqual(stackOf({ name: "decoder.layers.0.q", layer: 6 }), { stack: "decoder.layers", number: 0 });
    assert.deepEqual(stackOf({ name: "nothing", layer: 5 }), { stack: "", number: 5 });
  });
});

describe("moving over the map", () => {
  const tensors = blocks(4);
  const layout = layoutMap(tensors, space);
  const at = (name: string) => tensors.findIndex((t) => t.name.includes(name));
  it("a point finds the cell that is drawn there", () => {
    for (let i = 0; i < tensors.length; i++) {
      assert.equal(
        cellAt(layout, layout.cells[i * 4] + layout.cells[i * 4 + 2] / 2, layout.cells[i * 4 + 1] + layout.cells[i * 4 + 3] / 2),
        i,
      );
    }
    assert.equal(cellAt(layout, -5, 3), undefined);
  });
  it("down keeps the role, right keeps the layer", () => {
    assert.equal(neighbour(layout, at("layers.1.k"), "down"), at("layers.2.k"));
    assert.equal(neighbour(layout, at("layers.1.k"), "up"), at("layers.0.k"));
    assert.equal(neighbour(layout, at("layers.1.q"), "right"), at("layers.1.k"));
  });
  it("the edges hold", () => {
    assert.equal(neighbour(layout, at("layers.1.down"), "right"), at("layers.1.down"));
    assert.equal(neighbour(layout, at("embed"), "up"), at("embed"));
  });
  it("every cell can be reached with the arrow keys", () => {
    const seen = new Set([0]);
    const queue = [0];
    while (queue.length > 0) {
      const from = queue.pop()!;
      for (const direction of ["left", "right", "up", "down"] as const) {
        const to = neighbour(layout, from, direction);
        if (!seen.has(to)) queue.push(to);
        seen.add(to);
      }
    }
    assert.equal(seen.size, tensors.length);
  });
});
