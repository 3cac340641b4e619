import assert from "node:assert/strict";

import type { Envelope } from "../src/api.js";
import { findSidecar } from "../src/command.js";
import type { BatchJob, BatchProgressNotification, Project } from "../src/contract.js";
import { failure, parseRequest, success } from "../src/envelope.js";
import { clientFor, it, temporaryFolder } from "./helpers.js";
import { dataOf, PROJECT, quickMock } from "./mocks.js";

/** What a page can do, with the mock behind it or a sidecar. */
interface Side {
  request(type: string, payload?: unknown): Promise<Envelope>;
  on(name: "batch:progress", listener: (params: unknown) => void): () => void;
}

const [GPT, LUNA, OPUS] = ["openai/gpt-4o", "openai/gpt-6-luna", "anthropic/claude-opus-5-5"] as const;

/** Plays what a person does; gives everything that was answered. */
type Journey = (ask: <T>(type: string, payload?: unknown) => Promise<T>, side: Side) => Promise<void>;

/** Starts a batch and waits for its end. */
async function run({ request, on }: Side, jobId: string, type = "batch:start"): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    const off = on("batch:progress", (params) => {
      const { jobId: told, status } = params as BatchProgressNotification;
      if (told !== jobId || status === "processing") return;
      off();
      resolve();
    });
  });
  dataOf(await request(type, { jobId }));
  await ended;
}

const JOURNEYS: Readonly<Record<string, Journey>> = {
  "projects and conversations, with what cannot be": async (ask) => {
    await ask("project:list");
    const { id } = await ask<Project>("project:create", { name: "One", settings: { a: 1 } });
    for (const name of ["", 7, undefined]) await ask("project:create", { name });
    await ask("project:update", { id, description: "More" });
    for (const type of ["project:get", "project:switch", "project:delete"]) await ask(type, { id: "none" });
    const chat = await ask<{ id: string }>("conversation:create", { projectId: id });
    await ask("conversation:rename", { id: chat.id, name: "Milk" });
    await ask("conversation:rename", { id: "none", name: "Milk" });
    await ask("messages:add", { conversationId: chat.id, role: "user", content: "Remember the milk" });
    await ask("messages:add", { conversationId: chat.id, role: "robot", content: "x" });
    await ask("messages:list", { conversationId: chat.id, limit: 1 });
    await ask("conversation:list", { projectId: id });
    await ask("project:delete", { id });
    await ask("activity:get", { projectId: id });
  },
  "questions to models that answer, that have ended, and that nobody knows": async (ask) => {
    await ask<Project>("project:create", { name: "Asked" });
    const models = [
      GPT,
      "anthropic/claude-3-7-sonnet-20250219",
      "gemini/models/gemini-2.5-pro-thinking",
      "o3",
    ];
    for (const modelId of [...models, "claude-4-opus", "nobody", ""]) {
      await ask("chat:send", { conversationId: "null", content: "What is a bridge?", modelId });
    }
    for (const content of ["Reply with exactly: pong", "Reply with exactly: pong", " "]) {
      await ask("chat:send", { conversationId: "c", content, modelId: GPT });
    }
    await ask("messages:list", { conversationId: "c" });
    for (const content of Array<string>(2).fill("Fail, please. [[simulate: status=400]]")) {
      await ask("chat:send", { conversationId: "failing", content, modelId: GPT });
    }
    await ask("messages:list", { conversationId: "failing" });
    await ask("chat:compare", { conversationId: "d", content: "And?", modelIds: [LUNA, "nobody"] });
    await ask("chat:compare", { conversationId: "c", content: "And?", modelIds: [] });
    for (const options of [
      { jsonMode: true },
      { jsonSchema: { type: "object", properties: { n: "integer" } } },
      { enableExtendedThinking: true },
      { maxOutputTokens: 50 },
    ]) {
      await ask("chat:send", { content: "Count the arches.", modelId: GPT, options });
    }
    await ask("chat:send", { content: "Count.", modelId: OPUS, options: { maxOutputTokens: 20 } });
    await ask("chat:abort", { conversationId: "c" });
  },
  "keys and settings, good and bad": async (ask) => {
    await ask("settings:load");
    for (const [key, value] of [
      ["maxOutputTokens", 0],
      ["maxOutputTokens", "8"],
      ["reasoningEffort", "huge"],
      ["concurrency", { openai: 0 }],
      ["monthlyBudgetUSD", null],
    ]) {
      await ask("settings:save", { key, value });
    }
    await ask("settings:load", { key: "maxOutputTokens" });
    for (const value of ["sk-two words", 7, "", "sk-invalid-0000-wxyz"]) {
      await ask("settings:save", { key: "apiKey", provider: "anthropic", value });
      await ask("settings:load", { key: "apiKey", provider: "anthropic" });
      await ask("settings:validate-key", { provider: "anthropic" });
      await ask("chat:send", { conversationId: `k${String(value)}`, content: "Hello?", modelId: OPUS });
      await ask("messages:list", { conversationId: `k${String(value)}` });
    }
    await ask("settings:load", { key: "allKeys" });
    await ask("settings:validate-key", { provider: "nobody" });
  },
  "a batch without rows, a refused key, a retry and what cannot be cancelled": async (ask, side) => {
    const { id: projectId } = await ask<Project>("project:create", { name: "Rows" });
    const rows = [
      { prompt: "Reply with exactly: one", model: GPT },
      { id: "two", prompt: "Sum {{x}}", model: LUNA, data: { x: "2" } },
      { prompt: "Three", model: OPUS },
    ];
    await ask("batch:submit", { projectId, rows: [] });
    await ask("settings:save", { key: "apiKey", provider: "openai", value: "" });
    await ask("batch:submit", { projectId, rows });
    await ask("settings:save", { key: "apiKey", provider: "openai", value: "sk-invalid-0000-wxyz" });
    const job = await ask<BatchJob>("batch:submit", { projectId, rows, fileName: "rows.csv" });
    await run(side, job.id);
    await ask("batch:get-results", { jobId: job.id });
    await ask("settings:save", { key: "apiKey", provider: "openai", value: "sk-good-0000-wxyz" });
    await run(side, job.id, "batch:retry-failed");
    await ask("batch:get", { jobId: job.id });
    await ask("batch:get-results", { jobId: job.id });
    await ask("batch:cancel", { jobId: job.id });
    const idle = await ask<BatchJob>("batch:submit", { projectId, rows });
    await ask("batch:cancel", { jobId: idle.id });
    await ask("batch:list", { projectId });
  },
  "a batch that the page runs itself, and rows from texts": async (ask) => {
    await ask("project:create", { name: "Own" });
    const jobId = "11111111-1111-4111-8111-111111111111";
    await ask("batch:update-status", { jobId, status: "running", totalRows: 2 });
    const result = { prompt: "p", model: GPT, response: "x", cost_usd: 0.5 };
    await ask("batch:update-status", { jobId, rowId: "r1", status: "success", result });
    await ask("batch:get-results", { jobId });
    await ask("batch:update-status", { jobId, status: "completed" });
    for (const [format, text] of [
      ["csv", "prompt,model,x\nhi {{x}},gpt-4o,1\n,gpt-4o,2\nno model,,3\n"],
      ["csv", "a;b\n1;2"],
      ["csv", ""],
      ["csv", 'prompt;model;temperature;jsonMode\n"a;""b";gpt-4o;0,7;true'],
      ["json", '{"rows": [{"prompt": "a", "model": "gpt-4o", "more": 1}, {"prompt": ""}, 5]}'],
    ]) {
      await ask("batch:import", { text, format });
    }
    for (const batchId of ["a", "b", "a"]) await ask("jobqueue:save-state", { batchId, state: { batchId } });
    await ask("jobqueue:list-files", { directory: await ask<string>("jobqueue:get-directory") });
    await ask("jobqueue:list-files", { directory: "/etc" });
    await ask("nobody:knows");
  },
};

/** What differs from run to run in names, of which the same ids get the same ones. */
function named(answers: unknown): unknown {
  const ids = new Map<string, string>();
  const nameOf = (id: string): string => {
    if (!ids.has(id)) ids.set(id, `<id ${ids.size}>`);
    return ids.get(id) ?? "";
  };
  const visit = (value: unknown, name: string): unknown => {
    if (Array.isArray(value)) return value.map((item: unknown) => visit(item, name));
    if (typeof value === "object" && value !== null) {
      const members = Object.entries(value).map(([key, member]) => [key, visit(member, key)]);
      return Object.fromEntries(members) as unknown;
    }
    if (typeof value === "string") {
      if (name === "requestId") return "<request>";
      if (name === "nextCursor" || name === "detail") return `<${name}>`;
      // The words of a simulated model are its own; that there are some, and whose, is not. Nor are amounts.
      return value
        .replace(/(\$\d[\d.]*\d|\bnothing)(?= is (spent|held back|left))|\$\d[\d.]*\d/g, "$…")
        .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, nameOf)
        .replace(/^(\[simulated [^\]]*\])[^]*/, "$1 …")
        .replace(/^\{[^]*\}$/, "<JSON>");
    }
    if (typeof value !== "number") return value;
    if (/timestamp|At$|lastUsed|latency/i.test(name)) return "<time>";
    if (value === 0) return value;
    return /cost|usd/i.test(name) ? "<dollars>" : /token/i.test(name) ? "<tokens>" : value;
  };
  return visit(answers, "");
}

async function play(journey: Journey, side: Side): Promise<unknown[]> {
  const answers: unknown[] = [];
  const ask = async <T>(type: string, payload?: unknown): Promise<T> => {
    const envelope = await side.request(type, payload);
    answers.push([type, payload, envelope]);
    return (envelope.success ? envelope.data : undefined) as T;
  };
  await journey(ask, side);
  return answers;
}

for (const [name, journey] of Object.entries(JOURNEYS)) {
  it(`the mock and a real sidecar answer alike: ${name}`, async (t) => {
    const client = clientFor(
      t,
      findSidecar({ projectDir: PROJECT, dataDir: temporaryFolder(t), mock: true }),
    );
    await client.start();
    const sidecar: Side = {
      request: async (type, payload) => {
        // What crosses to the main process and on to the sidecar has no members without a value.
        const message = JSON.parse(JSON.stringify({ type, payload })) as { type: string };
        try {
          const { method, params } = parseRequest(message);
          return success(await client.request(method, params));
        } catch (error) {
          return failure(message, error);
        }
      },
      on: (name, listener) => client.onNotification(name, listener),
    };
    const { api } = quickMock();
    const expected = await play(journey, sidecar);
    assert.deepEqual(named(await play(journey, { request: api.request, on: api.on })), named(expected));
  });
}
