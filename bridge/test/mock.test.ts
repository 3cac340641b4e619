import assert from "node:assert/strict";

import type {
  ActivityItem,
  BatchJob,
  BatchProgressNotification,
  BatchResult,
  Message,
  Project,
} from "../src/contract.js";
import type { MockApi } from "../src/mock/mock.js";
import { addUSD } from "../src/mock/store.js";
import { it } from "./helpers.js";
import { MODELS, quickMock, type Reply, user } from "./mocks.js";

/** Resolves with the last progress of a job. */
function ended({ api }: MockApi, jobId: () => string): Promise<BatchProgressNotification> {
  return new Promise((resolve) => {
    const off = api.on("batch:progress", (params) => {
      const progress = params as BatchProgressNotification;
      if (progress.jobId !== jobId() || progress.status === "processing") return;
      off();
      resolve(progress);
    });
  });
}

it("projects are made, listed, renamed and deleted, the last used first", async () => {
  const { get } = user(quickMock());
  const first = await get<Project>("project:create", { name: "First" });
  const second = await get<Project>("project:create", { name: "Second" });
  const names = async (): Promise<string[]> => (await get<Project[]>("project:list")).map(({ name }) => name);
  assert.deepEqual(await names(), ["Second", "First"]);
  await get("project:switch", { id: first.id });
  assert.deepEqual(await names(), ["First", "Second"]);
  await get("project:update", { id: second.id, name: "Renamed" });
  await get("project:delete", { id: first.id });
  assert.deepEqual(await names(), ["Renamed"]);
});

it("what was answered is a copy: a page that changes it changes nothing", async () => {
  const { get } = user(quickMock());
  const project = await get<Project>("project:create", { name: "Mine" });
  project.name = "Spoilt";
  assert.equal((await get<Project>("project:get", { id: project.id })).name, "Mine");
});

it("three parallel sends are one turn, stored, and stand in the activity", async () => {
  const { get } = user(quickMock());
  const project = await get<Project>("project:create", { name: "Mine" });
  const conversationId = "7b0e6a0e-6d3a-4f0e-9d0b-1f2c3d4e5f60";
  const replies = await Promise.all(
    MODELS.map((modelId) =>
      get<Reply>("chat:send", { conversationId, content: "Why do cats purr?", modelId }),
    ),
  );
  assert.equal(new Set(replies.map(({ id }) => id)).size, 3);
  for (const { answer } of replies) assert.match(answer, /simulated .*“Why do cats purr\?”/);
  const messages = await get<Message[]>("messages:list", { conversationId });
  assert.equal(messages.length, 4);
  assert.equal(new Set(messages.map(({ turnId }) => turnId)).size, 1);
  const [item] = await get<ActivityItem[]>("activity:get", { projectId: project.id });
  assert.equal(item?.id, conversationId);
  assert.equal(item.preview, messages.at(-1)?.content.slice(0, 200));
});

it("the same question asked again is another turn", async () => {
  const { get } = user(quickMock());
  const send = (): Promise<Reply> =>
    get("chat:send", { conversationId: "c", content: "Again?", modelId: MODELS[0] });
  await send();
  await send();
  assert.equal((await get<Message[]>("messages:list", { conversationId: "c" })).length, 4);
});

it("sends to the conversation null each begin one, unless they join a turn", async () => {
  const { get } = user(quickMock());
  const send = (content: string, modelId: string): Promise<Reply> =>
    get("chat:send", { conversationId: "null", content, modelId });
  await Promise.all([send("One", MODELS[0]), send("One", MODELS[1])]);
  await send("Two", MODELS[0]);
  await send("One", MODELS[0]);
  const [project] = await get<Project[]>("project:list");
  const chats = await get<{ name: string }[]>("conversation:list", { projectId: project?.id });
  assert.deepEqual(
    chats.map(({ name }) => name),
    ["One", "Two", "One"],
  );
});

it("a retired model is answered by its successor, which the label says", async () => {
  const { get } = user(quickMock());
  const reply = await get<Reply>("chat:send", {
    content: "Hello?",
    modelId: "anthropic/claude-3-7-sonnet-20250219",
  });
  assert.match(reply.provider, /, for the retired Claude 3\.7 Sonnet$/);
  assert.match(reply.servedModel ?? "", /^anthropic\//);
});

it("a comparison streams every model's text under its name and keeps the order asked", async () => {
  const { api, get } = user(quickMock());
  const texts: Record<string, string> = {};
  api.on("$/progress", (params) => {
    const { token, value } = params as {
      token: unknown;
      value: { type: string; modelId: string; text: string };
    };
    assert.equal(token, "t");
    if (value.type === "text") texts[value.modelId] = (texts[value.modelId] ?? "") + value.text;
  });
  const payload = { conversationId: "c", content: "Compare.", modelIds: MODELS, partialResultToken: "t" };
  const { replies } = await get<{ replies: { modelId: string; reply: Reply }[] }>("chat:compare", payload);
  assert.deepEqual(
    replies.map(({ modelId }) => modelId),
    MODELS,
  );
  for (const { modelId, reply } of replies) assert.equal(texts[modelId], reply.answer);
});

it("an answer that is stopped keeps the text that had arrived", async () => {
  const mock = quickMock({ delayMs: 1 });
  const { api, get } = user(mock);
  const off = api.on("$/progress", () => {
    off();
    void get("chat:abort", { conversationId: "c" });
  });
  const payload = { conversationId: "c", content: "Stop.", modelId: MODELS[0], partialResultToken: 1 };
  const reply = await get<Reply>("chat:send", payload);
  assert.equal(reply.kind, "cancelled");
  const answer = (
    await get<(Message & { finishReason: string })[]>("messages:list", { conversationId: "c" })
  ).at(-1);
  assert.equal(answer?.finishReason, "cancelled");
  assert.ok(answer.content.length > 0);
});

it("keys decide who answers, as in the app", async () => {
  const mock = quickMock();
  const { get, kindOf } = user(mock);
  const refused: string[] = [];
  mock.ipc.onInvalidKey((provider) => refused.push(provider));
  const save = (value: string): Promise<null> =>
    get("settings:save", { key: "apiKey", provider: "anthropic", value });
  const row = { content: "Hello?", modelId: MODELS[2] };
  await save("");
  assert.equal(await kindOf("chat:send", row), "missing_api_key");
  assert.deepEqual(refused, []);
  await save("sk-invalid-0000-wxyz");
  assert.equal(await kindOf("chat:send", row), "invalid_api_key");
  assert.deepEqual(refused, ["anthropic"]);
  await save("sk-ant-0000-wxyz");
  assert.equal(await get("settings:load", { key: "apiKey", provider: "anthropic" }), "sk-…wxyz");
  assert.equal(await kindOf("chat:send", row), "success");
});

it("a setting that is recorded as refused is refused, and changes nothing", async () => {
  const { get, kindOf } = user(quickMock());
  for (const [key, value] of [
    ["maxWebSearchUses", 1000],
    ["maxOutputTokens", "8"],
    ["reasoningEffort", "huge"],
    ["concurrency", { openai: 0 }],
  ]) {
    const before = await get("settings:load", {});
    assert.equal(await kindOf("settings:save", { key, value }), "invalid_params", String(key));
    assert.deepEqual(await get("settings:load", {}), before);
  }
});

it("a batch progresses, ends with a result for each row, and adds up what they cost", async () => {
  const mock = quickMock();
  const { api, get } = user(mock);
  const project = await get<Project>("project:create", { name: "Mine" });
  const rows = Array.from({ length: 5 }, (_, index) => ({
    prompt: "Sum up {{city}}",
    model: index === 4 ? MODELS[2] : MODELS[0],
    data: { city: `City ${index}` },
  }));
  const job = await get<BatchJob>("batch:submit", { projectId: project.id, rows, fileName: "rows.csv" });
  assert.deepEqual([job.status, job.completedRows], ["pending", 0]);
  await get("settings:save", { key: "apiKey", provider: "anthropic", value: "sk-invalid-0000-wxyz" });
  const rowsDone: string[] = [];
  api.on("batch:row-done", (params) => rowsDone.push((params as { result: BatchResult }).result.id));
  const end = ended(mock, () => job.id);
  await get("batch:start", { jobId: job.id, notifyRows: true });
  const last = await end;
  assert.deepEqual(
    [last.status, last.completedRows, last.failedRows, last.percentage],
    ["completed", 4, 1, 100],
  );
  assert.deepEqual(rowsDone.sort(), ["row-1", "row-2", "row-3", "row-4", "row-5"]);
  const results = await get<BatchResult[]>("batch:get-results", { jobId: job.id });
  assert.deepEqual(
    results.map(({ status }) => status),
    ["success", "success", "success", "success", "error-api"],
  );
  assert.equal(results[1]?.prompt, "Sum up City 1");
  const done = await get<BatchJob>("batch:get", { jobId: job.id });
  assert.equal(done.totalCost, addUSD(...results.map(({ cost_usd: cost }) => cost ?? 0)));

  await get("settings:save", { key: "apiKey", provider: "anthropic", value: "sk-ant-0000-wxyz" });
  const again = ended(mock, () => job.id);
  await get("batch:retry-failed", { jobId: job.id });
  assert.equal((await again).completedRows, 5);
});

it("a batch that is cancelled keeps what had ended, and goes on when it is started again", async () => {
  const mock = quickMock({ rowMs: 1 });
  const { api, get, kindOf } = user(mock);
  const project = await get<Project>("project:create", { name: "Mine" });
  const rows = Array.from({ length: 6 }, () => ({ prompt: "Count", model: MODELS[0] }));
  const { id: jobId } = await get<BatchJob>("batch:submit", { projectId: project.id, rows });
  const cancelling = new Promise<void>((resolve) => {
    const off = api.on("batch:row-done", () => {
      off();
      void get("batch:cancel", { jobId }).then(() => resolve());
    });
  });
  const end = ended(mock, () => jobId);
  await get("batch:start", { jobId, concurrency: 1, notifyRows: true });
  assert.equal(await kindOf("batch:start", { jobId }), "conflict");
  await cancelling;
  assert.equal((await end).status, "cancelled");
  const statuses = (await get<BatchResult[]>("batch:get-results", { jobId })).map(({ status }) => status);
  assert.ok(statuses.includes("success") && statuses.includes("cancelled"), String(statuses));
  const whole = ended(mock, () => jobId);
  await get("batch:start", { jobId });
  assert.deepEqual([(await whole).status, (await whole).completedRows], ["completed", 6]);
});

it("files and backups are played: what they answer is recorded, and nothing else changes", async () => {
  const { get } = user(quickMock());
  const { id: projectId } = await get<Project>("project:create", { name: "Mine" });
  const rows = [{ id: "a", prompt: "Hello", model: MODELS[0] }];
  const { id: jobId } = await get<BatchJob>("batch:submit", { projectId, rows });
  const file = await get<{ rows: number }>("batch:export", { jobId, path: "/rows.csv", format: "csv" });
  assert.equal(file.rows, 1);
  const read = await get<{ rows: { prompt: string }[] }>("batch:import", { path: "/rows.csv" });
  assert.equal(read.rows[0]?.prompt, "=Sum up {{text}}");
  await get("data:backup", { path: "/copy.db" });
  await get("project:delete", { id: projectId });
  await get("data:restore", { path: "/copy.db" });
  assert.deepEqual(await get("project:list"), []);
});

it("what a page asks as it is recorded is played as it is recorded, with the page's own ids", async () => {
  const { get, kindOf } = user(quickMock());
  const { id: projectId } = await get<Project>("project:create", { name: "First" });
  const rows = ["r1", "r2"].map((id) => ({ id, prompt: "Count me in", model: MODELS[0] }));
  const { id: jobId } = await get<BatchJob>("batch:submit", { projectId, rows, fileName: "rows.csv" });
  assert.equal(await kindOf("batch:start", { jobId: "unknown" }), "not_found");
  await get("settings:save", { key: "monthlyBudgetUSD", value: 0.001 });
  assert.equal(await kindOf("batch:start", { jobId }), "budget_exceeded");
  // Here the page leaves the recording: what it made is still there.
  assert.deepEqual(
    (await get<Project[]>("project:list")).map(({ id }) => id),
    [projectId],
  );
  assert.equal((await get<BatchJob>("batch:start", { jobId })).status, "processing");
});

it("a batch of a provider tells of its progress, for the id that it was given", async () => {
  const { api, get } = user(quickMock());
  const told: unknown[] = [];
  api.on("batch:progress", (params) => told.push((params as BatchProgressNotification).jobId));
  const { id: projectId } = await get<Project>("project:create", { name: "Mine" });
  const rows = [{ prompt: "Sum up", model: MODELS[1] }];
  const native = await get<{ jobId: string }>("batch:submit-native", {
    ...{ projectId, rows },
    providerName: "openai",
  });
  assert.deepEqual(told, [native.jobId]);
});
