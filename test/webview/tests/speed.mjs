// Times are printed, not asserted: they depend on the machine.
import { assert, box, canvas, model, openTab, settle } from "./support.mjs";

const frames = async (tab, work) => {
  await tab.evaluate(() => window.frames());
  await work();
  await settle(tab);
  const times = (await tab.evaluate(() => window.frames())).filter((t) => t > 0.05).sort((a, b) => a - b);
  const at = (q) => (times[Math.min(times.length - 1, Math.floor(times.length * q))] ?? 0).toFixed(1);
  return `${times.length} frames, script per frame: median ${at(0.5)} ms, 95 % ${at(0.95)} ms, most ${at(1)} ms`;
};

async function drag(tab, name) {
  const { x, y } = await box(tab, canvas(name));
  await tab.mouse.move(x + 400, y + 300);
  await tab.mouse.down();
  for (let i = 0; i < 60; i++) await tab.mouse.move(x + 400 - 5 * i, y + 300 - 3 * (i % 20));
  await tab.mouse.up();
}

export const speed = {
  async "3,000 tensors: opened, filled, panned, scrolled"({ open, say }) {
    const tab = await model(open, "three-thousand", { analysed: false, width: 1600, height: 1000 });
    assert.equal(await tab.evaluate(() => window.harness.tensors().length), 2963);
    say(
      `arriving   ${await frames(tab, async () => {
        for (let n = 100; n <= 3000; n += 100) await tab.evaluate((k) => window.harness.feed(k), n);
      })}`,
    );
    await tab.evaluate(() => window.harness.feed());
    await tab.locator('vscode-button[aria-label="Zoom in"]').click();
    say(`panning    ${await frames(tab, () => drag(tab, "map"))}`);
    say(
      `hovering   ${await frames(tab, async () => {
        const { x, y } = await box(tab, canvas("map"));
        for (let i = 0; i < 60; i++) await tab.mouse.move(x + 80 + 9 * i, y + 40 + 8 * i);
      })}`,
    );
    await openTab(tab, "spectrum");
    say(
      `scrolling  ${await frames(tab, async () => {
        const { x, y } = await box(tab, canvas("spectrum"));
        await tab.mouse.move(x + 400, y + 300);
        for (let i = 0; i < 60; i++) await tab.mouse.wheel(0, 300);
      })}`,
    );
    await tab.locator("vscode-checkbox").click();
    say(`all rows   ${await frames(tab, () => settle(tab))}`);
    say(
      `walking    ${await frames(tab, async () => {
        for (let i = 0; i < 30; i++) await tab.keyboard.press("Alt+ArrowDown");
      })}`,
    );
    const heap = await tab.evaluate(() => performance.memory?.usedJSHeapSize);
    if (heap) say(`memory     ${(heap / 2 ** 20).toFixed(0)} MB of script heap`);
  },
};
