// What a person does in the workbench, as functions of a page.

const quickInput = ".quick-input-widget";
const rows = `${quickInput} .quick-input-list .monaco-list-row`;

/** Resolves when the explorer shows the folder. */
export async function openWorkbench(page, url) {
  await page.goto(url);
  await page.locator(".monaco-workbench .part.statusbar").waitFor({ timeout: 90_000 });
}

/** Calls `attempt` until it resolves; the last failure is the error. */
export async function eventually(attempt, timeout = 60_000, pause = 200) {
  const end = Date.now() + timeout;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

/** Opens the palette filtered to `text` and returns the row, without running it. */
export async function findCommand(page, text, timeout = 60_000) {
  const row = page.locator(rows).filter({ hasText: text }).first();
  await eventually(async () => {
    try {
      await page.keyboard.press("F1");
      const input = page.locator(`${quickInput} input.input`);
      await input.waitFor({ state: "visible", timeout: 2_000 });
      // What has just opened may take the focus, and the palette goes: it is opened again, then.
      await input.fill(`>${text}`, { timeout: 2_000 });
      await row.waitFor({ timeout: 2_000 });
    } catch (error) {
      await page.keyboard.press("Escape");
      throw error;
    }
  }, timeout);
  return row;
}

/** Runs a command through the palette, waiting until it is offered: an extension registers some time after start-up. */
export async function palette(page, text, timeout = 60_000) {
  // The palette closes when something that just opened takes the focus, before it can be clicked: again, then.
  await eventually(async () => (await findCommand(page, text, timeout)).click({ timeout: 3_000 }), timeout);
}

/** The rows in sight of the quick pick titled `title`, and the one with `text`; `type` filters first. */
export async function quickPick(page, { title, text, type }) {
  await page.locator(`${quickInput} .quick-input-title`).filter({ hasText: title }).waitFor({ timeout: 40_000 });
  if (type) await page.locator(`${quickInput} input.input`).fill(type);
  const row = page.locator(rows).filter({ hasText: text }).first();
  await row.waitFor({ timeout: 20_000 });
  const all = await page.locator(rows).evaluateAll((elements) => elements.map((e) => e.getAttribute("aria-label") ?? ""));
  return { row, all, click: () => row.click() };
}

/** The frame with the extension's own page. */
export const webview = (page) => page.frameLocator("iframe.webview.ready").frameLocator("iframe#active-frame");

/**
 * Double-clicks a file in the explorer and waits for a webview. Right after start-up the workbench may not know the custom
 * editor yet and opens text: then it is closed and tried again.
 */
export async function openInPanel(page, name, timeout = 60_000) {
  await eventually(async () => {
    await page.locator(".explorer-folders-view .monaco-list-row").filter({ hasText: name }).first().dblclick({ timeout: 10_000 });
    const kind = await Promise.race([
      page
        .locator("iframe.webview")
        .first()
        .waitFor({ state: "attached", timeout: 10_000 })
        .then(
          () => "panel",
          () => "nothing",
        ),
      page
        .locator(".editor-instance .monaco-editor, .monaco-editor-pane-placeholder")
        .first()
        .waitFor({ timeout: 10_000 })
        .then(
          () => "text",
          () => "nothing",
        ),
    ]);
    if (kind === "panel") return;
    await palette(page, "View: Close All Editors");
    throw new Error(`${name} opened as ${kind}, not in the panel`);
  }, timeout);
}

export const closeEditors = (page) => palette(page, "View: Close All Editors");

/** Message texts of the notification toasts that are shown. */
export const toasts = (page) => page.locator(".notifications-toasts .notification-list-item");

/** Picks a colour theme by the name the workbench lists it under. */
export async function chooseTheme(page, name, kind) {
  await palette(page, "Preferences: Color Theme");
  const input = page.locator(`${quickInput} input.input`);
  await input.fill(name);
  const row = page.locator(rows).filter({ hasText: name }).first();
  await row.click({ timeout: 15_000 });
  if (kind) await webview(page).locator(`body[data-vscode-theme-kind="${kind}"]`).waitFor({ timeout: 15_000 });
}
