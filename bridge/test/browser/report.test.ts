import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { after, before, test } from "node:test";

import type { Page } from "playwright-core";

import { SidecarClient } from "../../src/client.js";
import { findSidecar } from "../../src/command.js";
import { PROJECT } from "../mocks.js";
import { type Browser, openBrowser, openPage, screenshot } from "./browser.js";
import { CHROMIUM, HOW_TO_INSTALL } from "./chromium.js";

const LIMIT_MS = 180_000;
const MODELS = ["openai/gpt-6-luna", "grok/grok-4.7", "gemini/gemini-3.6-flash"];
const QUESTIONS = 24;
// What a table of ten thousand questions is made of: the same ones over and over.
const COPIES = 420;

if (CHROMIUM !== undefined) reports(CHROMIUM);
else test("the report in a real browser", { skip: HOW_TO_INSTALL }, () => undefined);

function reports(executablePath: string): void {
  const folder = mkdtempSync(join(tmpdir(), "abai-report-"));
  const [small, large] = [join(folder, "report.html"), join(folder, "large.html")];
  let browser: Browser;

  before(
    async () => {
      browser = await openBrowser(executablePath);
      await writeReport(join(folder, "data"), small);
      writeFileSync(large, enlarged(readFileSync(small, "utf8")));
    },
    { timeout: LIMIT_MS },
  );
  after(
    async () => {
      await browser.close();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
    { timeout: LIMIT_MS },
  );

  test("a checker of accessibility finds nothing, wide, narrow, dark and open", { timeout: LIMIT_MS }, async () => {
    const { page, problems, asked } = await opened(browser, small);
    for (const [name, width, colorScheme] of [
      ["wide", 1280, "light"],
      ["narrow", 420, "light"],
      ["dark", 1280, "dark"],
    ] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      await accessible(page, name);
      await screenshot(page, `report-${name}`);
      const [inside, outside] = (await page.evaluate(
        "[document.documentElement.scrollWidth, innerWidth]",
      )) as [number, number];
      assert.ok(inside <= outside, `${name}: the page is ${inside} wide in a window of ${outside}`);
    }
    await page.locator("#grid tbody tr[data-number='1']").click();
    await page.locator("#detail[open]").waitFor();
    await accessible(page, "open");
    await screenshot(page, "report-open");
    // Nothing was asked for but the file itself, and no answer was run as a script.
    assert.deepEqual(asked, [pathToFileURL(small).href]);
    assert.equal(await page.evaluate("window.wasRun"), undefined);
    assert.deepEqual(problems, []);
    await page.close();
  });

  test("the keyboard alone reaches every row, opens it and comes back", { timeout: LIMIT_MS }, async () => {
    const { page, problems } = await opened(browser, small);
    await page.locator("#grid tbody tr[tabindex='0']").focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    assert.equal(await focused(page), "2");
    await page.keyboard.press("Enter");
    await page.locator("#detail[open] h3", { hasText: "Question q2" }).waitFor();
    await page.keyboard.press("Escape");
    await page.locator("#detail:not([open])").waitFor({ state: "attached" });
    await page.waitForFunction("document.activeElement.dataset.number === '2'");
    await page.keyboard.press("End");
    assert.equal(await focused(page), String(QUESTIONS - 1));
    await page.keyboard.press("Home");
    assert.equal(await focused(page), "0");
    assert.deepEqual(problems, []);
    await page.close();
  });

  test("questions are filtered, sorted and found, and the words that differ are marked", { timeout: LIMIT_MS }, async () => {
    const { page } = await opened(browser, small);
    const count = page.locator("#count");
    await page.check("[name=failed]");
    await count.filter({ hasText: `6 of ${QUESTIONS} questions` }).waitFor();
    await page.uncheck("[name=failed]");
    await page.check("[name=unpassed]");
    await count.filter({ hasText: `12 of ${QUESTIONS} questions` }).waitFor();
    await page.uncheck("[name=unpassed]");
    await page.fill("[name=find]", "thing 7 ");
    await count.filter({ hasText: `1 of ${QUESTIONS} questions` }).waitFor();
    await page.fill("[name=find]", "");
    await page.check("[name=different]");
    assert.ok((await page.locator("#grid mark").count()) > 0);
    await page.uncheck("[name=marks]");
    assert.equal(await page.locator("#grid mark").count(), 0);
    await page.uncheck("[name=different]");
    await page.selectOption("[name=order]", "longest");
    const first = await page.locator("#grid tbody tr[data-number='0'] td").nth(1).textContent();
    assert.match(first ?? "", /simulated/);
    await page.close();
  });

  test("ten thousand questions are drawn as one scrolls", { timeout: LIMIT_MS }, async () => {
    const { page, problems } = await opened(browser, large);
    await page.locator("#count", { hasText: "10,080 of 10,080 questions" }).waitFor();
    const rows = page.locator("#grid tbody tr[data-number]");
    const drawn = async (): Promise<number> => rows.count();
    assert.ok((await drawn()) < 60, `${await drawn()} rows are drawn`);
    await page.locator("#grid tbody tr[tabindex='0']").focus();
    await page.keyboard.press("End");
    assert.equal(await focused(page), "10079");
    assert.ok((await drawn()) < 60, `${await drawn()} rows are drawn`);
    await page.selectOption("[name=order]", "dearest");
    await page.fill("[name=find]", "thing 7 ");
    await page.locator("#count", { hasText: `${COPIES} of 10,080 questions` }).waitFor();
    assert.deepEqual(problems, []);
    await page.close();
  });

  test("on paper, rows stand whole and filters do not", { timeout: LIMIT_MS }, async () => {
    const { page } = await opened(browser, small);
    await page.emulateMedia({ media: "print" });
    await page.evaluate("dispatchEvent(new Event('beforeprint'))");
    assert.equal(await page.locator("#grid tbody tr[data-number]").count(), QUESTIONS);
    assert.equal(await page.locator("#filters").isVisible(), false);
    await screenshot(page, "report-print");
    await page.close();
  });
}

async function opened(
  browser: Browser,
  path: string,
): Promise<{ page: Page; problems: string[]; asked: string[] }> {
  const asked: string[] = [];
  browser.context.on("request", (request) => asked.push(request.url()));
  const { page, problems } = await openPage(browser, pathToFileURL(path).href);
  await page.locator("#grid tbody tr[data-number]").first().waitFor();
  return { page, problems, asked };
}

async function focused(page: Page): Promise<unknown> {
  return page.evaluate("document.activeElement.dataset.number");
}

/** What a checker of accessibility finds wrong with the page as it is. */
async function accessible(page: Page, where: string): Promise<void> {
  await page.evaluate(readFileSync(require.resolve("axe-core/axe.min.js"), "utf8"));
  const found = (await page.evaluate("axe.run()")) as { violations: { id: string; nodes: { html: string }[] }[] };
  assert.deepEqual(
    found.violations.map(({ id, nodes }) => `${where}: ${id}: ${nodes[0]?.html}`),
    [],
  );
}

/** Runs a batch without a network and has its report written. */
async function writeReport(dataDir: string, path: string): Promise<void> {
  const client = new SidecarClient({ command: findSidecar({ projectDir: PROJECT, dataDir, mock: true }) });
  await client.start();
  try {
    const { id: projectId } = await client.call("project:create", { name: "Report" });
    const prompt = (number: number): string => {
      if (number % 4 === 0) return `Fail with thing ${number} [[simulate: status=400]]`;
      if (number % 4 === 1) return `Reply with exactly: <script>window.wasRun = 1</script> ${number}`;
      return `Why is thing ${number} blue?`;
    };
    const rows = Array.from({ length: QUESTIONS }, (_, number) =>
      MODELS.map((model) => ({ id: `q${number}@${model}`, prompt: prompt(number), model })),
    ).flat();
    const checks = [{ type: "length" as const, max: 60, name: "short" }];
    const job = await client.call("batch:submit", { projectId, rows, checks, fileName: "things.csv", start: true });
    while ((await client.call("batch:get", { jobId: job.id })).status === "processing");
    await client.call("batch:report", { jobIds: [job.id], path });
  } finally {
    await client.stop();
  }
}

/** Puts the rows of a page into it many times over. */
function enlarged(page: string): string {
  const [begin = "", end = ""] = page.split(/"rows":\[[^]*?\n\]\}<\/script>/);
  const [, rows = ""] = /"rows":\[\n([^]*?)\n\]\}<\/script>/.exec(page) ?? [];
  return `${begin}"rows":[\n${Array.from({ length: COPIES }, () => rows).join(",\n")}\n]}</script>${end}`;
}
