import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import type { Page } from "playwright-core";

import { type Example, startExample } from "../../example/in-browser.js";
import { PROJECT } from "../mocks.js";
import { type Browser, openBrowser, openPage, screenshot } from "./browser.js";
import { CHROMIUM, HOW_TO_INSTALL } from "./chromium.js";
import type { Report } from "./renderer.js";

// Far beyond what a busy machine takes; for a wait that never ends.
const LIMIT_MS = 180_000;

if (CHROMIUM !== undefined) journeys(CHROMIUM);
else if (process.env["CI"] === "true")
  test("the journeys in a real browser", () => assert.fail(HOW_TO_INSTALL));
else test("the journeys in a real browser", { skip: HOW_TO_INSTALL }, () => undefined);

function journeys(executablePath: string): void {
  let browser: Browser;
  let example: Example;
  let ownServer: Server;
  let ownOrigin = "";
  const dataDir = mkdtempSync(join(tmpdir(), "abai-journeys-"));

  before(
    async () => {
      browser = await openBrowser(executablePath);
      ownServer = createServer((_, response) => {
        response.setHeader("Content-Type", "text/html");
        response.end(
          `<link rel="icon" href="data:,"><script type="module" src="${example.url}preload.js"></script>`,
        );
      });
      await new Promise<void>((started) => ownServer.listen(0, "127.0.0.1", started));
      ownOrigin = `http://127.0.0.1:${(ownServer.address() as AddressInfo).port}`;
      example = await startExample({ projectDir: PROJECT, dataDir, origins: [ownOrigin] });
    },
    { timeout: LIMIT_MS },
  );
  after(
    async () => {
      await browser.close();
      await example.close();
      ownServer.close();
      rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
    },
    { timeout: LIMIT_MS },
  );

  for (const [name, search] of [
    ["with a real sidecar", ""],
    ["with the mock alone", "?mock"],
  ] as const) {
    const file = search === "" ? "sidecar" : "mock";

    test(`the example page ${name}`, { timeout: LIMIT_MS }, async () => {
      const { page, problems } = await openPage(browser, example.url + search);
      await page.locator("body[data-ready=true]").waitFor();
      await addProject(page);
      await compare(page);
      // The mock shows a ballot that was recorded, and counts no votes.
      await vote(page, search === "" ? 3 : 0);
      await accessible(page);
      await screenshot(page, `example-${file}-compare`);
      await batch(page);
      await keys(page);
      await screenshot(page, `example-${file}`);
      await cancel(page);
      // The mock forgets when its page is loaded anew.
      if (search === "") await openAgain(page);
      assert.deepEqual(problems, []);
      await page.close();
    });

    test(`what the existing renderer asks ${name}`, { timeout: LIMIT_MS }, async () => {
      const { page, problems } = await openPage(browser, `${example.url}test/renderer.html${search}`);
      await page.locator("body[data-ended=true]").waitFor({ timeout: LIMIT_MS });
      const report = (await page.evaluate("window.report")) as Report;
      await screenshot(page, `renderer-${file}`);
      assert.deepEqual(report.failed, []);
      assert.equal(report.steps.length, 10);
      assert.deepEqual(problems, []);
      await page.close();
    });
  }

  test(
    "a page of one's own server has the api with one line, and hears its answer stream",
    { timeout: LIMIT_MS },
    async () => {
      const { page, problems } = await openPage(browser, ownOrigin);
      await page.waitForFunction("'api' in window");
      const told = await page.evaluate(`(async () => {
      let pieces = 0;
      window.api.on("$/progress", () => (pieces += 1));
      const payload = { content: "Hello?", modelId: "openai/gpt-4o", partialResultToken: 1 };
      const { success } = await window.api.request("chat:send", payload);
      return [success, pieces > 1];
    })()`);
      assert.deepEqual(told, [true, true]);
      assert.deepEqual(problems, []);
      await page.close();
    },
  );

  test("a window that reloads finds what was there, and is heard again", { timeout: LIMIT_MS }, async () => {
    const { page, problems } = await openPage(browser, example.url);
    await page.locator("body[data-ready=true]").waitFor();
    await page.fill("#project-name", "Before the reload");
    await page.click("#new-project button");
    await page.locator("#current-project", { hasText: "Before the reload" }).waitFor();
    await askSlowly(page);
    await page.reload();
    await page.locator("body[data-ready=true]").waitFor();
    assert.equal(await page.textContent("#current-project"), "Before the reload");
    // What is on its way is taken up with the text so far, and can be stopped.
    await page.locator("article[aria-busy=true] .answer:not(:empty)").first().waitFor();
    await page.click("#stop");
    await page.locator("#compare-status", { hasText: /answers?\./ }).waitFor();
    assert.match((await page.locator("article footer").first().textContent()) ?? "", /not finished|cancelled/);
    await page.fill("#question", "Why is the sky blue, and why is the evening sky red?");
    await compare(page);
    assert.deepEqual(problems, []);
    await page.close();
  });

  test(
    "a sidecar that dies under a question is told of, and the next question is answered",
    { timeout: LIMIT_MS },
    async () => {
      const { page, problems } = await openPage(browser, example.url);
      await page.locator("body[data-ready=true]").waitFor();
      const question = await askSlowly(page);
      process.kill(example.client.pid ?? assert.fail("no sidecar runs"), "SIGKILL");
      await page.locator("#compare-status.error", { hasText: "stopped while it was working" }).waitFor();
      await page.fill("#question", question);
      await compare(page);
      assert.deepEqual(problems, []);
      await page.close();
    },
  );

  test(
    "the page looks right in the dark and on a narrow screen, and can be used by keyboard",
    { timeout: LIMIT_MS },
    async () => {
      const { page } = await openPage(browser, `${example.url}?mock`);
      await page.emulateMedia({ colorScheme: "dark" });
      await page.setViewportSize({ width: 420, height: 900 });
      await page.locator("body[data-ready=true]").waitFor();
      await compare(page);
      await accessible(page);
      await screenshot(page, "example-dark-narrow");
      assert.equal(
        await page.evaluate("document.documentElement.scrollWidth <= innerWidth"),
        true,
        "it scrolls sideways",
      );
      await page.reload();
      await page.locator("body[data-ready=true]").waitFor();
      await page.keyboard.press("Tab");
      assert.equal(await page.evaluate("document.activeElement.textContent"), "Skip to the content");
      const unnamed = await page.evaluate(
        "[...document.querySelectorAll('input,select,textarea')].filter((field) => field.labels.length === 0).length",
      );
      assert.equal(unnamed, 0, "a field without a label");
      await page.close();
    },
  );

  test("errors on demand are shown as sentences", { timeout: LIMIT_MS }, async () => {
    const words = "The request has members that are missing or wrong.";
    const { page } = await openPage(browser, `${example.url}?mock=errors&every=2`);
    await page.locator("#banner", { hasText: words }).waitFor();
    // The page asks thirteen times until it is ready.
    await page.goto(`${example.url}?mock=errors&every=14`);
    await page.locator("body[data-ready=true]").waitFor();
    await page.click("#ask");
    await page.locator("#compare-status", { hasText: words }).waitFor();
    await screenshot(page, "example-errors");
    await page.close();
  });

  test("another site may not speak with the sidecar", { timeout: LIMIT_MS }, async () => {
    const body = JSON.stringify({ page: "x", channel: "app:request", args: [] });
    const foreign = await fetch(`${example.url}ipc`, {
      method: "POST",
      body,
      headers: { Origin: "http://evil.test" },
    });
    assert.equal(foreign.status, 403);
    const unknown = await fetch(`${example.url}ipc`, { method: "POST", body });
    assert.equal(unknown.status, 400);
    assert.equal((await fetch(`${example.url}../package.json`)).status, 404);
  });
}

async function addProject(page: Page): Promise<void> {
  await page.fill("#project-name", "A journey");
  await page.click("#new-project button");
  await page.locator("#current-project", { hasText: "A journey" }).waitFor();
  assert.equal(await page.textContent("[aria-current=true]"), "A journey");
}

/** Asks what takes long to answer, and waits until some of it is there. Gives the question as it was before. */
async function askSlowly(page: Page): Promise<string> {
  const question = await page.inputValue("#question");
  await page.fill("#question", `${question} [[simulate: pace_ms=500]]`);
  await page.click("#ask");
  await page.locator("article[aria-busy=true] .answer:not(:empty)").first().waitFor();
  return question;
}

// Sees every change of the page, however short it lasts: the models whose text was there before their answer was whole.
const WATCH = `
  window.streamed = new Set();
  new MutationObserver(() => {
    for (const answer of document.querySelectorAll("article[aria-busy=true] .answer:not(:empty)")) {
      window.streamed.add(answer.closest("article").dataset.model);
    }
  }).observe(document.getElementById("answers"), { childList: true, subtree: true });
`;

/** Asks, sees text arrive while the answers are still being written, and the cost of each model at its end. */
async function compare(page: Page): Promise<void> {
  await page.evaluate(WATCH);
  await page.click("#ask");
  await page.locator("#compare-status", { hasText: "3 answers." }).waitFor();
  const cards = page.locator("article[aria-busy=false]");
  assert.equal(await cards.count(), 3);
  assert.equal(await page.evaluate("window.streamed.size"), 3);
  for (const card of await cards.all()) {
    assert.match((await card.locator(".answer").textContent()) ?? "", /simulated/);
    assert.match((await card.locator("footer").textContent()) ?? "", /^\$0\.\d{6} · \d+ tokens in, \d+ out · \d+\.\d s$/);
  }
  await page.locator("#activity li", { hasText: "Why is the sky blue" }).first().waitFor();
}

/** Says which answer is best before anybody is named, and sees then who wrote it and how the models do. */
async function vote(page: Page, models: number): Promise<void> {
  await page.click("#vote");
  await page.locator("#ballot article").nth(1).waitFor();
  assert.doesNotMatch((await page.textContent("#ballot")) ?? "", /openai|anthropic|gemini|grok/);
  await accessible(page);
  await page.locator("#ballot article button").first().click();
  await page.locator("#vote-status", { hasText: /^[AB] it is: A was \w+\// }).waitFor();
  await page.locator("#ballot table").waitFor();
  assert.ok((await page.locator("#ballot tbody tr").count()) >= models);
}

async function batch(page: Page): Promise<void> {
  await page.click("#batch-start");
  await page.click("#confirm-yes");
  await page.locator("#batch-status", { hasText: "Done: 4 of 4 rows" }).waitFor();
  assert.equal(await page.locator("#batch-results tr").count(), 4);
  assert.equal(await page.locator("#batch-results .badge.good").count(), 4);
  assert.equal(await page.locator("#batch-progress").getAttribute("max"), "100");
  assert.equal(await page.evaluate("document.getElementById('batch-progress').value"), 100);
  assert.equal(await page.locator("#batch-results tr").nth(3).locator(".response").textContent(), "done");
}

/** Opens what was compared before, and goes on with it: one conversation, two questions. */
async function openAgain(page: Page): Promise<void> {
  await page.reload();
  await page.locator("body[data-ready=true]").waitFor();
  const earlier = page.locator("#activity button", { hasText: "Why is the sky blue" });
  const before = await earlier.count();
  await earlier.first().click();
  await page.locator("#compare-status", { hasText: "3 answers." }).waitFor();
  assert.equal(await page.isChecked("#follow-up"), true);
  assert.match((await page.locator("article .answer").first().textContent()) ?? "", /simulated/);
  await page.fill("#question", "And at noon?");
  await page.click("#ask");
  await page.locator("article[aria-busy=true]").first().waitFor();
  await page.locator("#compare-status", { hasText: "3 answers." }).waitFor();
  assert.equal(await page.locator("#activity button").count(), before);
}

/** What a checker of accessibility finds wrong with the page as it is. */
async function accessible(page: Page): Promise<void> {
  await page.evaluate(readFileSync(require.resolve("axe-core/axe.min.js"), "utf8"));
  const found = (await page.evaluate("axe.run()")) as { violations: { id: string; nodes: { html: string }[] }[] };
  assert.deepEqual(
    found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`),
    [],
  );
}

/** Stops a batch on its way. */
async function cancel(page: Page): Promise<void> {
  // Some end soon; the others do not while anybody looks, however slow the machine is.
  const ms = (index: number): number => (index < 8 ? 200 : 120_000);
  const rows = Array.from(
    { length: 80 },
    (_, index) => `Row ${index} [[simulate: slow_first_ms=${ms(index)}]]`,
  );
  await page.fill("#batch-prompts", rows.join("\n"));
  await page.click("#batch-start");
  await page.click("#confirm-yes");
  await page.locator("#batch-status", { hasText: /^[1-9]\d* of 80 rows/ }).waitFor();
  await page.click("#batch-cancel");
  await page.locator("#batch-status", { hasText: /^Stopped: [1-9]\d* of 80 rows/ }).waitFor();
  assert.ok((await page.locator("#batch-results .badge", { hasText: "cancelled" }).count()) > 0);
}

/** A key that works, one that is refused, and none; in the end as it was. */
async function keys(page: Page): Promise<void> {
  const state = page.locator("[data-provider=grok] .badge");
  const save = async (value: string, expected: string): Promise<void> => {
    await page.selectOption("#key-provider", "grok");
    await page.fill("#key-value", value);
    await page.click("#key button");
    await state.filter({ hasText: expected }).waitFor();
  };
  await save("sk-invalid-0000-wxyz", "refused");
  await save("", "refused");
  await save("xai-test-0000-wxyz", "configured");
  assert.equal(await page.locator("[data-provider=grok] code").textContent(), "xai-…wxyz");
}
