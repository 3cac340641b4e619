/**
 * Behaves as the existing renderer does: its requests, in its order, with its odd ids. What it relies on is checked
 * here, in the page, with the eyes of the renderer; the report is for the test that opened the page.
 */
import type { Envelope, WindowApi, WindowIpc } from "../../src/api.js";

declare global {
  interface Window {
    report?: Report;
  }
}

/** What the page was given; its own code knows nothing of the contract's types. */
const page = window as unknown as { api: WindowApi; ipc: WindowIpc };

export interface Report {
  steps: { name: string; outcome: string }[];
  failed: string[];
}

type Row = Record<string, unknown>;

const MODELS = [
  "openai/gpt-4o",
  "anthropic/claude-3-7-sonnet-20250219",
  "gemini/models/gemini-2.5-pro-thinking",
] as const;

const report: Report = { steps: [], failed: [] };

function need(holds: unknown, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

/** The renderer's own way of asking: an envelope whose `success` is false is an error. */
async function ask<T>(type: string, payload?: unknown): Promise<T> {
  const answer: Envelope = await page.api.request({ type, payload });
  if (!answer.success) throw new Error(answer.error);
  return answer.data as T;
}

async function step(name: string, work: () => Promise<string>): Promise<void> {
  let outcome: string;
  try {
    outcome = await work();
  } catch (error) {
    outcome = `failed: ${error instanceof Error ? error.message : String(error)}`;
    report.failed.push(`${name}: ${outcome}`);
  }
  report.steps.push({ name, outcome });
  const line = document.createElement("tr");
  for (const text of [name, outcome])
    line.append(Object.assign(document.createElement("td"), { textContent: text }));
  document.getElementById("steps")?.append(line);
}

async function journey(): Promise<void> {
  const refused: string[] = [];
  page.ipc.onInvalidKey((provider) => refused.push(provider));
  let models: Row[] = [];
  let projectId = "";

  await step("load: project:list, then models:get-all", async () => {
    const projects = await ask<Row[]>("project:list");
    models = await ask<Row[]>("models:get-all");
    need(Array.isArray(projects) && models.length > 0, "it would show its first-start page");
    for (const { id, provider, name, pricing } of models) {
      need(
        typeof id === "string" && typeof provider === "string" && typeof name === "string",
        "a model without a name",
      );
      need(typeof (pricing as Row)["prompt"] === "number", `${id} has no price`);
    }
    return `${projects.length} projects, ${models.length} models`;
  });

  await step("first start: project:create, activity:get", async () => {
    const project = await ask<Row>("project:create", { name: "Renderer", description: "" });
    projectId = String(project["id"]);
    const date = new Date(project["createdAt"] as number);
    need(!Number.isNaN(date.getTime()), "a date that cannot be read");
    need(Array.isArray(await ask("activity:get", { projectId })), "activity:get must be an array");
    return projectId;
  });

  await step("settings: four keys at once, then seven settings, then read", async () => {
    const providers = ["openai", "anthropic", "gemini", "grok"];
    await Promise.all(
      providers.map((provider) =>
        ask("settings:save", { key: "apiKey", provider, value: `sk-test-${provider}-0000` }),
      ),
    );
    const values: Row = {
      maxOutputTokens: 0,
      enableWebSearch: false,
      maxWebSearchUses: 5,
      enableExtendedThinking: false,
      enablePromptCaching: true,
      promptCacheTTL: "1h",
      jsonMode: true,
    };
    await Promise.all(Object.entries(values).map(([key, value]) => ask("settings:save", { key, value })));
    for (const [key, value] of Object.entries(values)) {
      need((await ask("settings:load", { key })) === value, `${key} did not come back as the bare value`);
    }
    const keys = await ask<Record<string, Row>>("settings:load", { key: "allKeys" });
    need(
      providers.every((name) => keys[name]?.["configured"] === true),
      "a key is not configured",
    );
    need(refused.length === 0, "settings:invalidKey came for a key that nobody refused");
    return "0 stays 0";
  });

  const send = (conversationId: string, content: string): Promise<Row[]> =>
    Promise.all(MODELS.map((modelId) => ask<Row>("chat:send", { conversationId, content, modelId })));

  await step("chat: three parallel sends with the id null", async () => {
    const replies = await send("null", "Why is the sky blue?");
    need(new Set(replies.map(({ id }) => id)).size === 3, "ids must be unique");
    for (const { answer, provider, costUSD } of replies) {
      need(typeof answer === "string" && answer !== "", "an answer must be text that is not empty");
      need(typeof provider === "string", "the label is missing");
      need(
        costUSD === undefined || typeof costUSD === "number",
        "a cost that is no number brings the page down",
      );
    }
    const activity = await ask<Row[]>("activity:get", { projectId });
    need(activity.length === 1, `the three sends made ${activity.length} conversations`);
    need(
      activity.every(({ cost }) => cost !== 0),
      "a cost of 0 would print a stray 0",
    );
    return replies.map(({ provider }) => provider).join(" | ");
  });

  await step("chat: three parallel sends with an id of its own, twice", async () => {
    const conversationId = crypto.randomUUID();
    await send(conversationId, "And at night?");
    await send(conversationId, "And on Mars?");
    const messages = await ask<Row[]>("messages:list", { conversationId });
    need(messages.length === 8, `${messages.length} messages instead of 8`);
    const roles = messages.map(({ role }) => (role === "user" ? "u" : "a")).join("");
    need(roles === "uaaauaaa", `the order is ${roles}`);
    return roles;
  });

  await step("chat: one refused key does not take the others' answers with it", async () => {
    await ask("settings:save", { key: "apiKey", provider: "openai", value: "sk-invalid-0000-wxyz" });
    const replies = await send(crypto.randomUUID(), "Still there?");
    need(typeof replies[0]?.["error"] === "string", "the failed model shows no error");
    need(
      typeof replies[1]?.["answer"] === "string" && typeof replies[2]?.["answer"] === "string",
      "an answer is gone",
    );
    need(refused.join() === "openai", `settings:invalidKey told ${refused.join() || "nobody"}`);
    await ask("settings:save", { key: "apiKey", provider: "openai", value: "sk-test-openai-0000" });
    return String(replies[0]?.["error"]);
  });

  await step("batch: rows that it runs itself, three at once, with all that it asks around them", () =>
    runBatch(projectId, models),
  );

  await step("utils:count-tokens, four hundred at once", async () => {
    const texts = Array.from(
      { length: 400 },
      (_, index) => `Row ${index} of a batch, with some more words in it.`,
    );
    const counts = await Promise.all(
      texts.map((text) => ask<number>("utils:count-tokens", { text, modelId: MODELS[0] })),
    );
    need(
      counts.every((count) => Number.isInteger(count) && count > 0),
      "a count that is no bare number",
    );
    return `${counts.reduce((sum, count) => sum + count, 0)} tokens`;
  });

  await step("jobqueue: the last state sent wins, whatever its size", async () => {
    const batchId = `b-${Date.now()}`;
    const states = [1, 2, 3].map((completed) => ({ completed, rows: "x".repeat(300_000) }));
    await Promise.all(states.map((state) => ask("jobqueue:save-state", { batchId, state })));
    const state = await ask<Row>("jobqueue:load-state", { batchId });
    need(state["completed"] === 3, `state ${String(state["completed"])} was kept`);
    const directory = await ask<string>("jobqueue:get-directory");
    const files = await ask<string[]>("jobqueue:list-files", { directory });
    need(files.includes(`${batchId}.jobqueue`), "the state is not listed");
    await ask("jobqueue:clear-state", { batchId });
    return `${files.length} listed`;
  });

  await step(
    "errors: an empty row is one with a sentence, and nothing is an unhandled rejection",
    async () => {
      const answer = await page.api.request({
        type: "chat:send",
        payload: { content: "", modelId: MODELS[0] },
      });
      need(!answer.success && answer.code === -32602, "an empty row must fail");
      return answer.error;
    },
  );
}

/** As the renderer runs a batch: it sends the rows, prices them itself, and tells how it goes. */
async function runBatch(projectId: string, models: readonly Row[]): Promise<string> {
  const jobId = crypto.randomUUID();
  const rows = Array.from({ length: 9 }, (_, index) => ({
    id: `r${index}`,
    content: index === 4 ? "" : `Sum up chapter ${index}.`,
    modelId: MODELS[index % MODELS.length] ?? MODELS[0],
  }));
  const state: { completed: number; results: Row[] } = { completed: 0, results: [] };
  const save = (): Promise<unknown> => ask("jobqueue:save-state", { batchId: jobId, state });
  await ask("batch:update-status", { jobId, status: "running", totalRows: rows.length });
  const waiting = [...rows];
  const work = async (): Promise<void> => {
    for (let row = waiting.shift(); row !== undefined; row = waiting.shift()) {
      await Promise.all(
        ["enablePromptCaching", "promptCacheTTL", "jsonMode"].map((key) => ask("settings:load", { key })),
      );
      const { id, content, modelId } = row;
      const options = {
        systemPrompt: "Be short.",
        temperature: 1.5,
        enablePromptCaching: true,
        cacheTTL: "1h",
      };
      try {
        const reply = await ask<Row>("chat:send", { modelId, content, options });
        await ask("models:get-all");
        const price = models.find(
          (model) =>
            model["id"] === modelId || `${String(model["provider"])}/${String(model["id"])}` === modelId,
        );
        need(price !== undefined, `no price for ${modelId}`);
        const result = {
          prompt: content,
          model: modelId,
          response: reply["answer"],
          cost_usd: reply["costUSD"],
          attempts: 1,
        };
        await ask("batch:update-status", { jobId, rowId: id, status: "success", result });
        state.results.push(result);
      } catch (error) {
        const errorMessage = error instanceof Error ? error.message : String(error);
        need(content === "", errorMessage);
        await ask("batch:update-status", {
          jobId,
          rowId: id,
          status: "error",
          result: { prompt: content, model: modelId, errorMessage },
        });
      }
      state.completed += 1;
      await save();
    }
  };
  await Promise.all([work(), work(), work()]);
  const job = await ask<Row>("batch:update-status", { jobId, status: "completed" });
  need(
    job["completedRows"] === 8 && job["failedRows"] === 1,
    `${String(job["completedRows"])} rows ended well`,
  );
  const activity = await ask<Row[]>("activity:get", { projectId, type: "batch" });
  need(
    activity.some(({ id, status }) => id === jobId && status === "completed"),
    "the batch is not in the activity",
  );
  await ask("jobqueue:clear-state", { batchId: jobId });
  return `${String(job["completedRows"])} rows, $${Number(job["totalCost"]).toFixed(6)}`;
}

async function start(): Promise<void> {
  if (new URLSearchParams(location.search).has("mock")) (await import("@abai/bridge/mock")).installMockApi();
  // The server makes it of the bridge's own preload.
  else await import(/* @vite-ignore */ new URL("../preload.js", document.baseURI).href);
  addEventListener("unhandledrejection", ({ reason }) => report.failed.push(`unhandled: ${String(reason)}`));
  await journey();
}

start()
  .catch((error: unknown) => report.failed.push(String(error)))
  .finally(() => {
    window.report = report;
    document.body.dataset["ended"] = "true";
  });
