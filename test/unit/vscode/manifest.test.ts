import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { listEncodings } from "../../../src/engine/encodingTable";

const root = path.join(__dirname, "../../..");
const manifest = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));
const { commands, menus, configuration, customEditors, walkthroughs } = manifest.contributes;
const setting = configuration.properties["bitlens.encodings"];

describe("the manifest", () => {
  it("offers exactly the encodings that the engine can measure (BITLENS_UPDATE=1 writes them)", () => {
    const bits = (n: number) => Number(n.toPrecision(4));
    const known = listEncodings();
    const enumDescriptions = known.map((e) => `${e.label}, ${bits(e.bitsPerWeight)} bits per weight: ${e.description}`);
    if (process.env.BITLENS_UPDATE) {
      setting.items = { type: "string", enum: known.map((e) => e.name), enumDescriptions };
      fs.writeFileSync(path.join(root, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
    }
    assert.deepEqual(
      setting.items.enum,
      known.map((e) => e.name),
    );
    assert.deepEqual(setting.items.enumDescriptions, enumDescriptions);
    assert.deepEqual(
      setting.default.filter((name: string) => !setting.items.enum.includes(name)),
      [],
    );
  });

  it("menus and walkthroughs name commands that exist", () => {
    const known = new Set(commands.map((c: { command: string }) => c.command));
    const used = Object.values(menus as Record<string, { command: string }[]>)
      .flat()
      .map((m) => m.command);
    const steps = JSON.stringify(walkthroughs) + JSON.stringify(manifest.contributes.viewsWelcome);
    used.push(...[...steps.matchAll(/(?:command:|onCommand:)([\w.]+)/g)].map((m) => m[1]));
    assert.ok(used.length > 10);
    assert.deepEqual(
      used.filter((c) => !known.has(c)),
      [],
    );
  });

  it("no menu shows a command twice", () => {
    for (const [menu, items] of Object.entries(menus as Record<string, { command: string; when?: string }[]>)) {
      const rows = items.map(({ command, when }) => `${command} when ${when}`);
      assert.deepEqual(
        rows.filter((row, i) => rows.indexOf(row) !== i),
        [],
        menu,
      );
    }
  });

  it("a recipe that is opened first of all finds the extension awake, which its schema alone does not wake", () => {
    assert.ok(manifest.contributes.jsonValidation.some((v: { fileMatch: string }) => v.fileMatch === "*.bitlens.json"));
    assert.ok(manifest.activationEvents.some((e: string) => e === "onStartupFinished" || e === "onLanguage:json"));
  });

  it("every file it names is there", () => {
    const media = walkthroughs[0].steps.map((s: { media: { markdown: string } }) => s.media.markdown);
    const icons = [manifest.icon, manifest.contributes.viewsContainers.activitybar[0].icon];
    assert.deepEqual(
      [...media, ...icons].filter((file) => !fs.existsSync(path.join(root, file))),
      [],
    );
  });

  it("every setting has a description and a default", () => {
    for (const [key, value] of Object.entries<{ markdownDescription?: string; default?: unknown }>(configuration.properties)) {
      assert.ok(value.markdownDescription && value.default !== undefined, key);
    }
  });

  it("opens every model ending in the panel by default", () => {
    assert.equal(customEditors[0].priority, "default");
    assert.deepEqual(
      customEditors[0].selector.map((s: { filenamePattern: string }) => s.filenamePattern),
      ["*.safetensors", "*.gguf", "*.onnx", "*.safetensors.index.json"],
    );
  });
});
