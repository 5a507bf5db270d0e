import { assert, asTable, box, canvas, chart, choose, last, layerName, model, openTab, pixels, posted, rows, scrollToEnd, settle, text, voice } from "./support.mjs";

export const charts = {
  async "the map: a click selects, the host hears it, the layer opens"({ open }) {
    const tab = await model(open, "llama");
    const { x, y, width } = await box(tab, canvas("map"));
    await tab.mouse.move(x + width - 30, y + 85);
    await settle(tab);
    assert.match(await text(tab, ".card"), /down_proj\.weight[\s\S]*96 × 256[\s\S]*Outlier ratio\s*\d/);
    await tab.mouse.click(x + width - 30, y + 85);
    await settle(tab);
    assert.match(await layerName(tab), /^model\.layers\.\d\.mlp\.down_proj\.weight$/);
    assert.equal((await last(tab, "select")).tensor, await layerName(tab));
  },

  async "the map by keyboard: arrows walk and are read aloud, Enter selects, Escape lets go"({ open }) {
    const tab = await model(open, "llama");
    await tab.locator(canvas("map")).focus();
    await tab.keyboard.press("ArrowDown");
    await tab.keyboard.press("ArrowDown");
    await tab.keyboard.press("ArrowRight");
    await settle(tab);
    const said = await voice(tab);
    assert.match(said, /^model\.layers\.0\.\S+, 96/);
    await tab.keyboard.press("ArrowDown");
    assert.match(await voice(tab), /^model\.layers\.1\./);
    await tab.keyboard.press("Enter");
    await settle(tab);
    assert.ok((await voice(tab)).startsWith(await layerName(tab)));
    await tab.keyboard.press("Escape");
    await settle(tab);
    assert.equal(await tab.locator(".card").isVisible(), false);
  },

  async "a table is left by Escape, back to its chart"({ open }) {
    const tab = await model(open, "llama");
    const button = tab.locator('vscode-button[aria-label="Map: as table"]');
    await button.focus();
    await tab.keyboard.press("Enter");
    await tab.locator("#view-map .twin table").waitFor();
    await tab.keyboard.press("Escape");
    await tab.locator("#view-map .twin").waitFor({ state: "hidden" });
    assert.ok(await tab.locator(canvas("map")).evaluate((element) => document.activeElement === element));
    assert.equal(await button.getAttribute("aria-pressed"), "false");
  },

  async "the map: zoom by key, by wheel and by button, drag, and back to the whole"({ open }) {
    const tab = await model(open, "llama");
    const whole = await pixels(tab, canvas("map"));
    const { x, y } = await box(tab, canvas("map"));
    await tab.mouse.move(x + 300, y + 150);
    await tab.keyboard.down("Control");
    await tab.mouse.wheel(0, -200);
    await tab.keyboard.up("Control");
    await settle(tab);
    const zoomed = await pixels(tab, canvas("map"));
    assert.notEqual(zoomed, whole);
    const selections = (await posted(tab, "select")).length;
    await tab.mouse.down();
    await tab.mouse.move(x + 200, y + 100, { steps: 4 });
    await tab.mouse.up();
    await settle(tab);
    assert.notEqual(await pixels(tab, canvas("map")), zoomed);
    assert.equal((await posted(tab, "select")).length, selections, "dragging does not select");
    await tab.locator('vscode-button[aria-label="Whole map"]').click();
    await tab.mouse.move(5, 5);
    await settle(tab);
    assert.equal(await pixels(tab, canvas("map")), whole);
  },

  async "the map's colours follow the measure and the encoding; the table twin has every tensor"({ open }) {
    const tab = await model(open, "llama");
    const ratios = await pixels(tab, canvas("map"));
    await choose(tab, "Colour", "SQNR");
    assert.notEqual(await pixels(tab, canvas("map")), ratios);
    const at4 = await pixels(tab, canvas("map"));
    await choose(tab, "at", "Q8_0");
    assert.notEqual(await pixels(tab, canvas("map")), at4);
    await asTable(tab, "Map");
    const table = await rows(tab, "map");
    assert.equal(table.length, 39);
    assert.match(table[2].at(1), /^\d\d\.\d dB$/);
  },

  async "the spectrum: sorted by a measure, filtered, walked, selected"({ open }) {
    const tab = await model(open, "llama");
    await openTab(tab, "spectrum");
    await choose(tab, "Sort by", "Excess kurtosis");
    await asTable(tab, "Spectrum");
    const sorted = await rows(tab, "spectrum");
    const kurtosis = sorted.map((r) => Number(r[5].replace("−", "-").replace(",", "")));
    assert.deepEqual(
      kurtosis.filter(Number.isFinite),
      [...kurtosis.filter(Number.isFinite)].sort((a, b) => b - a),
    );
    await tab.locator('vscode-button[aria-label="Ascending order"]').click();
    await settle(tab);
    assert.equal((await rows(tab, "spectrum")).at(-1)[0], sorted[0][0]);
    await asTable(tab, "Spectrum");
    await tab.locator("#view-spectrum vscode-text-field input").fill("LAYERS.3.MLP");
    await settle(tab);
    await tab.locator(canvas("spectrum")).focus();
    await tab.keyboard.press("End");
    await tab.keyboard.press("ArrowRight");
    assert.match(await voice(tab), /layers\.3\.mlp.*σ.*value/);
    await tab.keyboard.press("Enter");
    await settle(tab);
    assert.match(await layerName(tab), /layers\.3\.mlp/);
  },

  async "the spectrum shows rows as they are computed, all of them when asked"({ open }) {
    const tab = await model(open, "three-thousand", { analysed: false });
    await openTab(tab, "spectrum");
    const emptyRows = await pixels(tab, canvas("spectrum"));
    await tab.evaluate(() => window.harness.feed(10));
    await settle(tab);
    const some = await pixels(tab, canvas("spectrum"));
    assert.notEqual(some, emptyRows);
    await tab.evaluate(() => window.harness.feed());
    await tab.locator("vscode-checkbox").click();
    await settle(tab);
    assert.notEqual(await pixels(tab, canvas("spectrum")), some);
    await tab.locator(canvas("spectrum")).focus();
    await tab.keyboard.press("End");
    assert.match(await voice(tab), /^lm_head/);
    await tab.locator("vscode-checkbox").click();
    await settle(tab);
    const bottom = await scrollToEnd(tab, "spectrum");
    await tab.mouse.click(bottom.x, bottom.y);
    await settle(tab);
    assert.equal(await layerName(tab), "lm_head.weight");
  },

  async "the layer: histogram, channels, heat, errors and statistics, each operable by key and each with a table"({ open }) {
    const tab = await model(open, "llama");
    await tab.evaluate(() => window.harness.show("model.layers.3.mlp.down_proj.weight"));
    await settle(tab);
    for (const [name, title, count] of [
      ["histogram", "Histogram", 256],
      ["output-channels", "output channels", 96],
      ["input-channels", "input channels", 256],
      ["heat", "Matrix, largest |w| per cell", 64],
      ["errors", "Error per encoding", 5],
    ]) {
      await tab.locator(canvas(name)).first().focus();
      await tab.keyboard.press("ArrowRight");
      const first = await voice(tab);
      await tab.keyboard.press("ArrowRight");
      assert.notEqual(await voice(tab), first, `${name}: the cursor moves`);
      await tab.locator(`vscode-button[aria-label="${title}: as table"]`).first().click();
      await settle(tab);
      assert.equal((await rows(tab, name)).length, count, name);
      await tab.locator(`vscode-button[aria-label="${title}: as table"]`).first().click();
    }
    assert.match(await text(tab, ".outliers"), /▲/);
    assert.match(await text(tab, ".stats"), /excess kurtosis\s+\d/);
    const linear = await pixels(tab, canvas("histogram"));
    await tab.locator('vscode-button[aria-label="Logarithmic value axis"]').click();
    await settle(tab);
    assert.notEqual(await pixels(tab, canvas("histogram")), linear);
  },

  async "arrow keys on the layer's name walk: down to the same role, right in file order; Alt+arrows from anywhere"({ open }) {
    const tab = await model(open, "llama");
    await tab.evaluate(() => window.harness.show("model.layers.0.mlp.up_proj.weight"));
    await settle(tab);
    await tab.locator(".layer-name").focus();
    for (const [key, name] of [
      ["ArrowDown", "model.layers.1.mlp.up_proj.weight"],
      ["ArrowRight", "model.layers.1.mlp.down_proj.weight"],
      ["ArrowUp", "model.layers.0.mlp.down_proj.weight"],
      ["Alt+ArrowUp", "model.layers.0.mlp.up_proj.weight"],
    ]) {
      await tab.keyboard.press(key);
      await settle(tab);
      assert.equal(await layerName(tab), name);
      assert.equal((await last(tab, "select")).tensor, name);
    }
    await tab.keyboard.press("Escape");
    await settle(tab);
    assert.match(await text(tab, ".overview"), /What resists most/);
  },

  async "a single loud channel of 128,000 is seen and found"({ open, say }) {
    const tab = await model(open, "wide");
    const took = await tab.evaluate(async () => {
      const began = performance.now();
      window.harness.show("lm_head.weight");
      for (let i = 0; i < 3; i++) await new Promise((r) => requestAnimationFrame(r));
      return performance.now() - began;
    });
    say(`128,000 channels on the screen after ${took.toFixed(0)} ms`);
    await tab.locator('vscode-button[aria-label="Sort output channels by size"]').click();
    await settle(tab);
    await tab.locator(canvas("output-channels")).first().focus();
    await tab.keyboard.press("Home");
    assert.match(await voice(tab), /^output channel 64,123, .*43\.3×/);
    await tab.locator('vscode-button[aria-label="Sort output channels by size"]').click();
    await settle(tab);
    const { x, y, width } = await box(tab, canvas("output-channels"));
    // In index order it stands at its place: halfway, and one pixel suffices to hit it.
    const place = 46 + ((width - 92) * 64_123) / 128_000;
    await tab.mouse.move(x + place, y + 60);
    await settle(tab);
    assert.match(await text(tab, ".card"), /channel 64,123/);
  },

  async "a pinned layer is compared with"({ open }) {
    const tab = await model(open, "llama");
    await tab.evaluate(() => window.harness.show("model.layers.0.mlp.up_proj.weight"));
    await settle(tab);
    await tab.locator('vscode-button[aria-label^="Pin this layer"]').click();
    await tab.evaluate(() => window.harness.show("model.layers.3.mlp.down_proj.weight"));
    await settle(tab);
    assert.match(await text(tab, ".pinned"), /compared with\s*model\.layers\.0\.mlp\.up_proj\.weight/);
    assert.equal(await tab.locator(".stats thead th").count(), 3);
    assert.equal(await tab.locator(`${chart("output-channels")}:visible`).count(), 2);
    await tab.locator('vscode-button[aria-label="Stop comparing"]').click();
    await settle(tab);
    assert.equal(await tab.locator(`${chart("output-channels")}:visible`).count(), 1);
  },

  async "bits: the total and the bars follow the encoding"({ open }) {
    const tab = await model(open, "llama");
    await openTab(tab, "bits");
    const total = await text(tab, ".totals");
    assert.match(total, /Today\s+1\.08 MB\s+16\.0 bpw/);
    await choose(tab, "All matrices as", "Q4_0");
    const after = await text(tab, ".totals");
    assert.match(after, /As Q4_0\s+306 kB\s+4\.5\d bpw\s+Change\s+−71\.\d %\s+30 tensors of 39/);
    await tab.locator(canvas("bits")).focus();
    await tab.keyboard.press("ArrowDown");
    await tab.keyboard.press("ArrowDown");
    assert.match(await voice(tab), /layer 0, today .* kB, 16\.0 bpw, Q4_0 .* kB/);
    assert.equal((await tab.locator("#view-bits .note").innerText()).includes("worst SQNR"), false);
  },

  async "bits: a conversion's layers have a worst SQNR where all of it is measured, and the others a reason for none"({ open }) {
    const tab = await model(open, "llama");
    await openTab(tab, "bits");
    await asTable(tab, "Bytes per layer");
    const worst = async () => Object.fromEntries((await rows(tab, "bits")).map((r) => [r[0], r[5]]));
    await choose(tab, "All matrices as", "Q4_0");
    const native = await worst();
    await choose(tab, "All matrices as", "Mix (gguf)");
    const { embed, head, other, ...layers } = await worst();
    assert.deepEqual([embed, head, other], ["–", "–", "–"]);
    assert.deepEqual(layers, { 0: native[0], 1: native[1], 2: native[2], 3: native[3] });
    assert.match(layers[0], /^\d+\.\d dB$/);
    const note = await text(tab, "#view-bits .note");
    assert.match(note, /left out where an error is not measured \(2 tensors\): .* Budget, exporting to GGUF, those that it chooses from\./);
  },

  async "every chart saves a picture and a table, and copies"({ open }) {
    const tab = await model(open, "llama");
    await tab.evaluate(() => window.harness.show("model.layers.3.mlp.down_proj.weight"));
    await settle(tab);
    const titles = await tab
      .locator('vscode-button[aria-label$=": save as PNG"]:visible')
      .evaluateAll((all) => all.map((b) => b.getAttribute("aria-label").replace(": save as PNG", "")));
    assert.ok(titles.length >= 6, `${titles}`);
    for (const title of titles) {
      await tab.locator(`vscode-button[aria-label="${title}: save as PNG"]:visible`).first().click();
      await tab.waitForFunction(
        (n) => window.harness.posted.filter((m) => m.type === "save").length > n,
        (await posted(tab, "save")).length - 1,
      );
      await settle(tab);
      const png = await last(tab, "save");
      assert.match(png.name, /^[\w.-]+\.png$/);
      assert.deepEqual(png.bytes.slice(0, 4), [0x89, 0x50, 0x4e, 0x47]);
      assert.ok(png.length > 1500, `${title}: ${png.length} bytes`);
      await tab.locator(`vscode-button[aria-label="${title}: save as CSV"]:visible`).first().click();
      const csv = await last(tab, "save");
      assert.match(csv.name, /\.csv$/);
      await tab.locator(`vscode-button[aria-label="${title}: copy as CSV"]:visible`).first().click();
      const { text: copied } = await last(tab, "copy");
      assert.equal(new TextDecoder().decode(Uint8Array.from(csv.bytes)).slice(0, 200), copied.slice(0, 200));
      assert.ok(copied.split("\r\n").length > 3);
    }
  },
};
