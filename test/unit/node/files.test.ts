import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { EngineError } from "../../../src/core/errors";
import { isSameFile, openFile, openFolder } from "../../../src/node/files";
import { locate } from "../../../src/node/locate";
import { isStaged, restageOutput, stageOutput, unstageOutput } from "../../../src/node/staging";

let root: string;
const at = (...parts: string[]) => path.join(root, ...parts);
const put = (name: string, content = name) => {
  fs.mkdirSync(path.dirname(at(name)), { recursive: true });
  fs.writeFileSync(at(name), content);
};
const bytes = (s: string) => new TextEncoder().encode(s);
const throwsCode = async (code: string, call: () => Promise<unknown>) => {
  await assert.rejects(call, (e) => e instanceof EngineError && (assert.equal(e.code, code, e.describe()), true));
};

beforeEach(() => {
  root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "bitlens-files-")));
});
afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

describe("a model's folder", () => {
  beforeEach(() => {
    put("outside.bin");
    put("m/a.bin", "0123456789");
    put("m/sub/b.bin");
    fs.symlinkSync("a.bin", at("m/inner-link"));
    fs.symlinkSync("../outside.bin", at("m/leads-out"));
    fs.symlinkSync("..", at("m/up"));
    fs.symlinkSync("loop-b", at("m/loop-a"));
    fs.symlinkSync("loop-a", at("m/loop-b"));
    fs.symlinkSync("/etc/passwd", at("m/absolute-link"));
  });

  const refused: [name: string, code: string][] = [
    ["../outside.bin", "unsafe-path"],
    ["sub/../../outside.bin", "unsafe-path"],
    ["sub\\..\\..\\outside.bin", "unsafe-path"],
    ["sub\\b.bin", "unsafe-path"],
    ["/etc/passwd", "unsafe-path"],
    ["C:\\windows\\x", "unsafe-path"],
    ["c:x", "unsafe-path"],
    ["\\\\server\\share", "unsafe-path"],
    ["", "unsafe-path"],
    ["a.bin\0.txt", "unsafe-path"],
    ["leads-out", "unsafe-path"],
    ["up/outside.bin", "unsafe-path"],
    ["absolute-link", "unsafe-path"],
    ["loop-a", "unsafe-path"],
    ["missing.bin", "not-found"],
    ["a.bin/inside-a-file", "io"],
    ["sub", "unsupported"],
  ];
  for (const [name, code] of refused) {
    it(`refuses ${JSON.stringify(name)} as ${code}`, async () => {
      const folder = await openFolder(at("m"));
      await throwsCode(code, () => folder.open(name));
      assert.equal(await folder.exists(name), false);
    });
  }

  it("follows a link that stays inside", async () => {
    const source = await (await openFolder(at("m"))).open("inner-link");
    assert.deepEqual(await source.read(2, 3), bytes("234"));
    await source.close();
  });

  it("lists plain files and links to them, not what leads out", async () => {
    assert.deepEqual(await (await openFolder(at("m"))).list(), ["a.bin", "inner-link"]);
  });

  it("opens a snapshot of a download cache, whose links lead into the repository's blobs", async () => {
    put("repo/blobs/abc", "blob");
    fs.mkdirSync(at("repo/snapshots/r1/onnx"), { recursive: true });
    fs.symlinkSync("../../blobs/abc", at("repo/snapshots/r1/model.safetensors"));
    fs.symlinkSync("../../../blobs/abc", at("repo/snapshots/r1/onnx/model.onnx"));
    fs.symlinkSync("../../../outside.bin", at("repo/snapshots/r1/evil"));
    const folder = await openFolder(at("repo/snapshots/r1"));
    assert.equal(await folder.readText("model.safetensors", 10), "blob");
    assert.equal(await (await openFolder(at("repo/snapshots/r1/onnx"))).readText("model.onnx", 10), "blob");
    await throwsCode("unsafe-path", () => folder.open("evil"));
    assert.deepEqual(await locate(at("repo/snapshots/r1/model.safetensors")), {
      folder: at("repo/snapshots/r1"),
      name: "model.safetensors",
    });
  });

  it("a text beyond its limit or not UTF-8 is refused", async () => {
    fs.writeFileSync(at("m/latin"), Buffer.from([0x61, 0xff, 0x62]));
    const folder = await openFolder(at("m"));
    assert.equal(await folder.readText("a.bin", 10), "0123456789");
    await throwsCode("too-large", () => folder.readText("a.bin", 9));
    await throwsCode("malformed", () => folder.readText("latin", 9));
  });

  it("a folder that is a file, or missing, is refused", async () => {
    await throwsCode("not-found", () => openFolder(at("outside.bin")));
    await throwsCode("not-found", () => openFolder(at("nowhere")));
  });

  it("a pipe is refused instead of waited for", async function () {
    if (process.platform === "win32") return;
    execFileSync("mkfifo", [at("m/pipe")]);
    await throwsCode("unsupported", () => openFile(at("m/pipe")));
  });
});

describe("a file read by position", () => {
  const ranges: [offset: number, length: number][] = [
    [8, 3],
    [11, 0],
    [-1, 2],
    [0, -1],
    [0, 2 ** 53],
    [NaN, 1],
    [2 ** 53, 2 ** 53],
  ];
  for (const [offset, length] of ranges) {
    it(`${length} bytes at ${offset} of 10 are refused before anything is allocated`, async () => {
      put("a", "0123456789");
      const source = await openFile(at("a"));
      await throwsCode("truncated", () => source.read(offset, length));
      await source.close();
      await source.close();
    });
  }

  it("a file that became shorter is truncated, not zeros", async () => {
    put("a", "0123456789");
    const source = await openFile(at("a"));
    fs.truncateSync(at("a"), 4);
    await throwsCode("truncated", () => source.read(2, 6));
    await source.close();
  });
});

const place = (name: string) => ({ kind: "file" as const, path: at(name), folder: root, name });
const mark = "89abcdef";
const visible = () => fs.readdirSync(root).filter((n) => !n.startsWith(".")).sort();

describe("a staged output", () => {
  it("has nothing under its final name before it is published and is whole after", async () => {
    const staging = await stageOutput(place("out.gguf"), [{ name: "out.gguf", byteLength: 8 }], mark);
    assert.equal(path.dirname(staging.folder), root);
    assert.match(path.basename(staging.folder), /^\.out\.gguf\.\d+\.[0-9a-f]{8}\.partial$/);
    assert.equal(fs.statSync(staging.files[0].path).size, 8);
    await staging.files[0].write(4, bytes("late"));
    await staging.files[0].write(0, bytes("soon"));
    await staging.seal();
    assert.deepEqual(visible(), []);
    await staging.publish();
    await staging.discard();
    assert.deepEqual(fs.readdirSync(root), ["out.gguf"]);
    assert.equal(fs.readFileSync(at("out.gguf"), "utf8"), "soonlate");
  });

  it("discarded, keeps what was there before and leaves nothing", async () => {
    put("out", "old");
    const staging = await stageOutput(place("out"), [{ name: "out", byteLength: 3 }], mark);
    await staging.files[0].write(0, bytes("new"));
    await staging.discard();
    await staging.discard();
    assert.deepEqual(fs.readdirSync(root), ["out"]);
    assert.equal(fs.readFileSync(at("out"), "utf8"), "old");
    await throwsCode("bad-request", () => staging.files[0].write(0, bytes("x")));
  });

  it("in a missing folder is refused", async () =>
    throwsCode("not-found", () => stageOutput({ ...place("no/out"), folder: at("no") }, [{ name: "out", byteLength: 1 }], mark)));

  it("sweeps what a killed process left long ago, and nothing else", async () => {
    const old = new Date(Date.now() - 3600_000);
    const dead = 0x7ffffff0;
    put(`.out.${dead}.0123abcd.partial`);
    put(`.out.${dead}.0123abce.partial`);
    put(`.out.${process.pid}.0123abcd.partial`);
    put(`.other.${dead}.0123abcd.partial`);
    for (const name of fs.readdirSync(root)) if (!name.includes("abce")) fs.utimesSync(at(name), old, old);
    await (await stageOutput(place("out"), [{ name: "out", byteLength: 1 }], mark)).discard();
    assert.deepEqual(
      fs.readdirSync(root).sort(),
      [`.other.${dead}.0123abcd.partial`, `.out.${dead}.0123abce.partial`, `.out.${process.pid}.0123abcd.partial`].sort(),
    );
  });

  it("of several files appears together", async () => {
    const staging = await stageOutput(place("m.onnx"), [{ name: "m.onnx", byteLength: 5 }, { name: "m.onnx.data", byteLength: 4 }], mark);
    await staging.files[0].write(0, bytes("graph"));
    await staging.files[1].write(0, bytes("data"));
    await staging.seal();
    assert.deepEqual(visible(), []);
    await staging.publish();
    await staging.discard();
    assert.deepEqual(fs.readdirSync(root).sort(), ["m.onnx", "m.onnx.data"]);
  });

  it("a rename that fails takes back the others", async () => {
    fs.mkdirSync(at("m.onnx/full"), { recursive: true });
    const staging = await stageOutput(place("m.onnx"), [{ name: "m.onnx", byteLength: 5 }, { name: "m.onnx.data", byteLength: 4 }], mark);
    await staging.seal();
    await assert.rejects(() => staging.publish(), EngineError);
    await staging.discard();
    assert.deepEqual(fs.readdirSync(root), ["m.onnx"]);
  });

  it("names that leave the folder are refused and nothing stays", async () => {
    await throwsCode("unsafe-path", () => stageOutput(place("ok"), [{ name: "ok", byteLength: 1 }, { name: "/evil", byteLength: 1 }], mark));
    assert.deepEqual(fs.readdirSync(root), []);
  });

  const sizes = [{ name: "out", byteLength: 4 }, { name: "part/out.data", byteLength: 6 }];
  const leave = async (by = 0x7ffffff0) => {
    const { folder, files, release } = await stageOutput(place("out"), sizes, mark);
    await files[1].write(0, bytes("kept"));
    await release();
    const left = folder.replace(`.${process.pid}.`, `.${by}.`);
    fs.renameSync(folder, left);
    return left;
  };

  it("of an ended process is taken over with its bytes, under this process's number", async () => {
    const left = await leave();
    assert.equal(await isStaged(place("out"), mark), true);
    const staging = await restageOutput(place("out"), mark, sizes);
    assert.ok(staging);
    assert.equal(fs.existsSync(left), false);
    assert.ok(staging.folder.includes(`.${process.pid}.`));
    await staging.files[1].write(4, bytes("on"));
    await staging.seal();
    await staging.publish();
    await staging.discard();
    assert.equal(fs.readFileSync(at("part/out.data"), "utf8"), "kepton");
  });

  const spoilt: Record<string, (left: string) => void> = {
    "a file that became shorter": (left) => fs.truncateSync(path.join(left, "part/out.data"), 5),
    "a file that became longer": (left) => fs.appendFileSync(path.join(left, "out"), "x"),
    "a file that is gone": (left) => fs.rmSync(path.join(left, "out")),
    "a link where a file was": (left) => {
      fs.rmSync(path.join(left, "out"));
      fs.writeFileSync(at("other"), "four");
      fs.symlinkSync(at("other"), path.join(left, "out"));
    },
    "nothing at all": (left) => fs.rmSync(left, { recursive: true }),
  };
  for (const [what, spoil] of Object.entries(spoilt)) {
    it(`with ${what} is not taken over`, async () => {
      const left = await leave();
      spoil(left);
      assert.equal(await restageOutput(place("out"), mark, sizes), undefined);
      await unstageOutput(place("out"), mark);
      assert.equal(await isStaged(place("out"), mark), false);
    });
  }
});

describe("what a person names", () => {
  const folders: [holds: string[], name: string | { code: string }][] = [
    [["a.gguf", "readme.md"], "a.gguf"],
    [["model.safetensors", "extra.safetensors", "m.gguf"], "model.safetensors"],
    [["model.safetensors.index.json", "model-00001-of-00002.safetensors"], "model.safetensors.index.json"],
    [["x.safetensors.index.json", "x-00001-of-00002.safetensors"], "x.safetensors.index.json"],
    [["m-00001-of-00002.safetensors", "m-00002-of-00002.safetensors"], "m-00001-of-00002.safetensors"],
    [["m-00001-of-00003.gguf", "m-00002-of-00003.gguf", "m-00003-of-00003.gguf"], "m-00001-of-00003.gguf"],
    [["odd.safetensors"], "odd.safetensors"],
    [["net.onnx", "net.onnx.data"], "net.onnx"],
    [["a.gguf", "b.gguf"], { code: "bad-request" }],
    [["readme.md"], { code: "not-found" }],
  ];
  for (const [holds, expected] of folders) {
    it(`a folder of ${holds.join(", ")}: ${typeof expected === "string" ? expected : expected.code}`, async () => {
      for (const name of holds) put(`m/${name}`);
      if (typeof expected === "string") assert.deepEqual(await locate(at("m")), { folder: at("m"), name: expected });
      else await throwsCode(expected.code, () => locate(at("m")));
    });
  }

  it("a file is its folder and name; a named link is followed", async () => {
    put("m/a.gguf");
    fs.mkdirSync(at("links"));
    fs.symlinkSync("../m/a.gguf", at("links/b.gguf"));
    fs.symlinkSync("self", at("links/self"));
    assert.deepEqual(await locate(at("m/a.gguf")), { folder: at("m"), name: "a.gguf" });
    assert.deepEqual(await locate(at("links/b.gguf")), { folder: at("m"), name: "a.gguf" });
    await throwsCode("unsafe-path", () => locate(at("links/self")));
    await throwsCode("not-found", () => locate(at("m/b.gguf")));
  });

  it("two names of one file are seen", async () => {
    put("a");
    put("b");
    fs.linkSync(at("a"), at("hard"));
    assert.equal(await isSameFile(at("a"), at("hard")), true);
    assert.equal(await isSameFile(at("a"), at("b")), false);
    assert.equal(await isSameFile(at("a"), at("c")), false);
  });
});
