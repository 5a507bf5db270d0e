import { readFileSync } from "node:fs";
import path from "node:path";
import { themes } from "../themes.mjs";
import { root } from "../shots.mjs";
import { assert, box, canvas, model, openTab, pixels, settle } from "./support.mjs";

const axe = readFileSync(path.join(root, "node_modules/axe-core/axe.min.js"), "utf8");
const widths = [
  [500, 900],
  [1280, 800],
  [2500, 1300],
];

export const looks = {
  ...Object.fromEntries(
    themes.flatMap(({ id }) =>
      widths.map(([width, height]) => [
        `${id} at ${width} px: nothing overflows, the layer stands ${width < 861 ? "below" : "beside"}`,
        async ({ open, out }) => {
          const tab = await model(open, "llama", { theme: id, width, height, budget: { remembered: true } });
          await tab.evaluate(() => window.harness.show("model.layers.3.mlp.down_proj.weight"));
          for (const view of ["map", "spectrum", "bits", "budget"]) {
            await openTab(tab, view);
            await tab.screenshot({ path: path.join(out, `${id}-${width}-${view}.png`), fullPage: width < 861 });
            const [scrollWidth, over] = await tab.evaluate(() => [
              document.documentElement.scrollWidth,
              [...document.querySelectorAll(".pane *, .head *")]
                .filter(
                  (e) =>
                    e.getBoundingClientRect().right > innerWidth + 1 &&
                    e.checkVisibility() &&
                    !e.closest(".scroll-x, .twin, .hidden-text"),
                )
                .map((e) => e.className || e.tagName),
            ]);
            assert.ok(scrollWidth <= width, `${view}: the page is ${scrollWidth} px wide`);
            assert.deepEqual(over, []);
          }
          const [pane, views] = [await box(tab, ".pane"), await box(tab, ".views")];
          if (width < 861) assert.ok(pane.y >= views.y + views.height - 1);
          else assert.ok(pane.x >= views.x + views.width - 1);
        },
      ]),
    ),
  ),

  ...Object.fromEntries(
    themes.map(({ id }) => [
      `${id}: axe finds nothing wrong`,
      async ({ open }) => {
        const tab = await model(open, "llama", { theme: id, budget: { remembered: true } });
        await tab.evaluate(() => window.harness.show("model.layers.3.mlp.down_proj.weight"));
        // The page's policy allows no foreign script, so axe comes in through the debugger.
        await tab.evaluate(axe);
        for (const view of ["map", "spectrum", "bits", "budget"]) {
          await openTab(tab, view);
          if (view === "map") await tab.locator('vscode-button[aria-label="Map: as table"]').click();
          if (view === "budget") await tab.locator("#view-budget .limits summary").click();
          const found = await tab.evaluate(() =>
            window.axe
              .run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })
              .then((r) =>
                r.violations.map(
                  (v) =>
                    `${v.impact} ${v.id}: ${v.nodes
                      .slice(0, 3)
                      .map((n) => `${n.target.join(" ")} ${n.any[0]?.message ?? n.all[0]?.message ?? n.none[0]?.message ?? ""}`)
                      .join(" | ")}`,
                ),
              ),
          );
          assert.deepEqual(found, [], view);
        }
      },
    ]),
  ),

  async "the theme changes live, canvases included"({ open }) {
    const tab = await model(open, "llama");
    await tab.evaluate(() => window.harness.show("model.layers.3.mlp.down_proj.weight"));
    await settle(tab);
    const see = async () => Promise.all(["map", "histogram", "output-channels", "heat"].map((n) => pixels(tab, canvas(n))));
    const dark = await see();
    for (const theme of themes.slice(1)) {
      await tab.evaluate((t) => {
        document.body.className = t.bodyClass;
        document.body.dataset.vscodeThemeKind = t.kind;
        for (const [k, v] of Object.entries(t.variables)) document.documentElement.style.setProperty(`--vscode-${k}`, v);
      }, theme);
      await settle(tab);
      const now = await see();
      now.forEach((p, i) => assert.notEqual(p, dark[i], `${theme.id}, chart ${i}`));
    }
  },

  async "with reduced motion results appear at once"({ open }) {
    const tab = await model(open, "llama", { analysed: false });
    await tab.evaluate(() => document.body.classList.add("vscode-reduce-motion"));
    await settle(tab);
    const drawn = await tab.evaluate(async () => {
      const frame = () => new Promise((r) => requestAnimationFrame(r));
      window.harness.feed();
      for (let i = 0; i < 3; i++) await frame();
      const canvas = document.querySelector('[data-chart="map"] canvas');
      const first = canvas.toDataURL();
      await new Promise((r) => setTimeout(r, 300));
      return first === canvas.toDataURL();
    });
    assert.ok(drawn);
  },

  async "the page loads nothing but its own files"({ open }) {
    const tab = await model(open, "llama");
    const foreign = await tab.evaluate(() =>
      performance
        .getEntriesByType("resource")
        .map((r) => r.name)
        .filter((n) => !n.startsWith(location.origin)),
    );
    assert.deepEqual(foreign, []);
  },
};
