import { assert, last, layerName, model, pixels, canvas, posted, settle, text, openTab, box, voice } from "./support.mjs";

export const messages = {
  async "the first paint needs the header only, and nothing moves when results arrive"({ open, say }) {
    const tab = await model(open, "llama", { analysed: false });
    assert.match(
      await text(tab, ".head"),
      /tale-llama-tiny[\s\S]*LlamaForCausalLM[\s\S]*542 k parameters[\s\S]*1\.09 MB[\s\S]*16\.0 bpw/,
    );
    assert.match(await text(tab, ".device"), /CPU, 2 threads, SIMD/);
    const places = async () => Promise.all([".head", canvas("map"), ".pane", ".controls"].map((s) => box(tab, s)));
    const before = await places();
    await tab.evaluate(() => window.harness.feed(9));
    await settle(tab);
    assert.deepEqual(await places(), before);
    assert.match(await text(tab, ".status-text"), /^9 of 39 tensors · 1\.10 GB\/s$/);
    await tab.evaluate(() => window.harness.feed());
    await settle(tab);
    assert.deepEqual(await places(), before);
    const paint = await tab.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
    say(`first contentful paint ${paint?.toFixed(0)} ms after navigation`);
  },

  async "every state has its sentence and its buttons, and the buttons say what they should"({ open }) {
    const tab = await model(open, "llama", { analysed: false });
    const states = [
      [{ kind: "opening" }, /header/, []],
      [{ kind: "idle" }, /Analyze/, ["analyse", "export"]],
      [{ kind: "cancelled" }, /Stopped after 4 of 39 tensors/, ["analyse", "export"]],
      [
        { kind: "failed", error: { code: "io", message: "The disk is gone.", place: {} } },
        /The disk is gone/,
        ["analyse", "showLog"],
      ],
      [{ kind: "engine-restarted", message: "The engine was restarted." }, /restarted/, ["analyse", "showLog"]],
      [{ kind: "done" }, /4 tensors/, ["export", "analyse"]],
      [{ kind: "running" }, /4 of 39/, ["cancel", "export"]],
    ];
    for (const [status, sentence, commands] of states) {
      await tab.evaluate((s) => window.harness.status({ progress: window.harness.progress(4), ...s }), status);
      await settle(tab);
      assert.match(await text(tab, ".status-text"), sentence);
      const buttons = tab.locator(".actions vscode-button");
      assert.equal(await buttons.count(), commands.length, status.kind);
      for (let i = 0; i < commands.length; i++) {
        await buttons.nth(i).click();
        assert.equal((await last(tab, "command")).command, commands[i]);
      }
    }
  },

  async "files that are no longer what is shown are named on every tab until they are read again"({ open }) {
    const tab = await model(open, "llama");
    const outdated = async (files) => {
      await tab.evaluate((f) => window.harness.outdated(f), files);
      await settle(tab);
    };
    assert.equal(await tab.locator(".notice").isVisible(), false);
    await outdated([{ name: "a.safetensors", gone: false }]);
    for (const id of ["spectrum", "bits", "budget", "map"]) {
      await openTab(tab, id);
      assert.match(await text(tab, ".notice"), /^a\.safetensors has changed on disk: what is shown is of its earlier content\./);
    }
    assert.match(await voice(tab), /a\.safetensors has changed/);
    await tab.locator(".notice vscode-button").click();
    assert.equal((await last(tab, "command")).command, "reload");
    await outdated([{ name: "a", gone: false }, { name: "b", gone: true }]);
    assert.match(await text(tab, ".notice"), /^a and b have changed on disk: what is shown is of their earlier content\./);
    await outdated([{ name: "a", gone: true }, { name: "b", gone: true }, { name: "c", gone: true }]);
    assert.match(await text(tab, ".notice"), /^a and 2 other files are no longer on disk/);
    assert.equal(await tab.locator(".notice vscode-button").isVisible(), false);
    await outdated([]);
    assert.equal(await tab.locator(".notice").isVisible(), false);
  },

  async "a model that comes while another tab is shown is on the map when that is looked at"({ open }) {
    const once = await model(open, "convolutional");
    const expected = await pixels(once, canvas("map"));
    await once.close();
    const tab = await model(open, "llama");
    await openTab(tab, "budget");
    await tab.evaluate(() => window.harness.open("convolutional"));
    await tab.evaluate(() => window.harness.feed());
    await settle(tab);
    await openTab(tab, "map");
    await tab.mouse.move(5, 5);
    await settle(tab);
    assert.equal(await pixels(tab, canvas("map")), expected);
  },

  async "replaying everything the host knows changes no pixel"({ open }) {
    const tab = await model(open, "llama");
    await tab.evaluate(() => window.harness.show("model.layers.2.mlp.down_proj.weight"));
    await settle(tab);
    const see = async () => [await text(tab, ".panel"), await pixels(tab, canvas("map")), await pixels(tab, canvas("histogram"))];
    const before = await see();
    await tab.evaluate(() => window.harness.replay());
    await settle(tab);
    assert.deepEqual(await see(), before);
  },

  async "the view survives a reload: tab, measure, selection, zoom"({ open }) {
    const tab = await model(open, "llama");
    await tab.evaluate(() => window.harness.show("model.layers.1.mlp.up_proj.weight"));
    await tab.locator(canvas("map")).focus();
    await tab.keyboard.press("+");
    await openTab(tab, "spectrum");
    const view = (await last(tab, "view")).view;
    assert.equal(view.tab, "spectrum");
    assert.equal(view.selected, "model.layers.1.mlp.up_proj.weight");
    assert.ok(view.zoom.scale > 1);
    await tab.reload();
    await tab.evaluate(() => window.harness.open("llama"));
    await tab.evaluate(() => window.harness.feed());
    await settle(tab);
    assert.equal(await layerName(tab), "model.layers.1.mlp.up_proj.weight");
    assert.equal(await tab.locator("#tab-spectrum").getAttribute("aria-selected"), "true");
    assert.deepEqual((await last(tab, "view")).view.zoom, view.zoom);
  },

  async "channels that the host keeps to itself are asked for once, when a layer is looked at"({ open }) {
    const tab = await model(open, "llama", { lean: true });
    assert.deepEqual(await posted(tab, "detail"), []);
    await tab.evaluate(() => window.harness.show("model.layers.0.mlp.down_proj.weight"));
    await settle(tab);
    assert.deepEqual(
      (await posted(tab, "detail")).map((m) => m.tensor),
      ["model.layers.0.mlp.down_proj.weight"],
    );
    const label = await tab.locator(canvas("output-channels")).first().getAttribute("aria-label");
    assert.match(label, /96 output channels/);
  },

  async "results that became void disappear"({ open }) {
    const tab = await model(open, "llama");
    assert.match(await text(tab, ".overview"), /39 of 39/);
    await tab.evaluate(() => window.harness.open("llama"));
    await settle(tab);
    assert.match(await text(tab, ".overview"), /Choose a layer/);
  },

  async "names from a file are text, whatever they look like"({ open }) {
    const tab = await model(open, "hostile");
    for (const name of await tab.evaluate(() => window.harness.tensors())) {
      await tab.evaluate((n) => window.harness.show(n), name);
      await settle(tab);
      assert.equal(await tab.locator(".layer-name").textContent(), name);
      await tab.locator(canvas("map")).focus();
      await tab.keyboard.press("ArrowRight");
    }
    await tab.locator(".problems-button").click();
    for (const id of ["spectrum", "bits"]) await openTab(tab, id);
    assert.equal(await tab.locator("img, b, i, #app script").count(), 0);
    const width = await tab.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= 1280, `a long name makes the page ${width} px wide`);
  },

  async "a tensor that could not be read says why, and is marked on the map"({ open }) {
    const tab = await model(open, "llama", { analysed: false });
    const name = "model.layers.0.mlp.up_proj.weight";
    const before = await pixels(tab, canvas("map"));
    await tab.evaluate((n) => window.harness.fail(n, "Its bytes end before the header says."), name);
    await settle(tab);
    assert.notEqual(await pixels(tab, canvas("map")), before);
    await tab.evaluate((n) => window.harness.show(n), name);
    await settle(tab);
    assert.match(await text(tab, ".message.error"), /bytes end before/);
  },

  async "a file without tensors, and one that could not be opened, say so"({ open }) {
    const tab = await open("light");
    await tab.evaluate(() =>
      window.harness.status({
        kind: "failed",
        error: { code: "truncated", message: "The header ends early.", place: { file: "/m/a.gguf" } },
      }),
    );
    await settle(tab);
    assert.match(await text(tab, ".head"), /could not be opened[\s\S]*The header ends early \(\/m\/a\.gguf\)\./);
    assert.equal(await tab.locator("main").isVisible(), false, "there is nothing to show a map of");
    await tab.locator(".actions vscode-button").first().click();
    assert.equal((await last(tab, "command")).command, "reload");
    await tab.evaluate(() => window.harness.open("empty"));
    await settle(tab);
    assert.match(await text(tab, ".head"), /0 tensors[\s\S]*holds no tensors/);
    assert.equal(await tab.locator("main").isVisible(), false, "no controls of a map that shows nothing");
  },
};
