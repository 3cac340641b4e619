import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import type { Envelope } from "../src/api.js";
import { exchanges } from "../src/exchange.js";
import { createMockApi, installMockApi } from "../src/mock.js";
import { type Bindings, fill, mismatch, parseRecording } from "../src/replay.js";
import { it } from "./helpers.js";

const REPLAY = resolve(__dirname, "..", "..", "..", "tests", "replay");
const NOW = 1_700_000_000_000;

const CHAT = [
  { meta: { title: "A chat." } },
  { ">": { id: 1, method: "project:create", params: { name: "First" } } },
  { "<": { id: 1, result: { id: "<uuid:1>", name: "First", createdAt: "<time>" } } },
  {
    ">": {
      id: 2,
      method: "chat:send",
      params: { conversationId: "<uuid:2>", content: "Hi", modelId: "m", partialResultToken: "t" },
    },
  },
  { "<": { method: "$/progress", params: { token: "t", value: { type: "text", text: "Hel" } } } },
  { "<": { method: "$/progress", params: { token: "t", value: { type: "text", text: "lo" } } } },
  { "<": { id: 2, result: { id: "<uuid:3>", answer: "Hello", conversation: "<uuid:2>" } } },
  {
    ">": {
      id: 3,
      method: "chat:send",
      params: { conversationId: "<uuid:2>", content: "Hi", modelId: "bad" },
    },
  },
  { "<": { method: "settings:invalidKey", params: { provider: "openai" } } },
  {
    "<": {
      id: 3,
      error: { code: -32011, message: "Refused.", data: { kind: "invalid_api_key", retryable: false } },
    },
  },
]
  .map((line) => JSON.stringify(line))
  .join("\n");

function chatMock() {
  return createMockApi([parseRecording("chat", CHAT)], { delayMs: 0, now: () => NOW });
}

function dataOf(envelope: Envelope): Record<string, unknown> {
  assert.ok(envelope.success, JSON.stringify(envelope));
  return envelope.data as Record<string, unknown>;
}

it("installing puts both objects on the page", async () => {
  const page: { api?: ReturnType<typeof chatMock>["api"]; ipc?: object } = {};
  installMockApi([parseRecording("chat", CHAT)], page);
  assert.deepEqual(Object.keys(page), ["api", "ipc"]);
  const { id, ...rest } = dataOf((await page.api?.request("project:create", { name: "First" })) as Envelope);
  assert.match(String(id), /^[0-9a-f-]{36}$/);
  assert.ok(Math.abs(Number(rest["createdAt"]) - Date.now()) < 60_000);
});

it("text streams to the listener under the page's own token, before the answer", async () => {
  const { api } = chatMock();
  const seen: unknown[] = [];
  const off = api.on("$/progress", (params) => seen.push(params));
  const payload = { conversationId: "null", content: "Hi", modelId: "m", partialResultToken: 7 };
  const answer = dataOf(await api.request({ type: "chat:send", payload }));
  off();
  await api.request({ type: "chat:send", payload });
  assert.equal(answer["answer"], "Hello");
  assert.deepEqual(
    seen,
    ["Hel", "lo"].map((text) => ({ token: 7, value: { type: "text", text } })),
  );
});

it("without a token nothing streams, and the answer is the same", async () => {
  const { api } = chatMock();
  api.on("$/progress", () => assert.fail("it streamed"));
  assert.equal(
    dataOf(await api.request("chat:send", { conversationId: "c", content: "Hi", modelId: "m" }))["answer"],
    "Hello",
  );
});

it("an id that the page chose comes back, and each answer has an id of its own", async () => {
  const { api } = chatMock();
  const send = async (conversationId: string) =>
    dataOf(await api.request("chat:send", { conversationId, content: "Hi", modelId: "m", extra: undefined }));
  const [first, second] = [await send("one"), await send("two")];
  assert.deepEqual([first["conversation"], second["conversation"]], ["one", "two"]);
  assert.notEqual(first["id"], second["id"]);
});

it("errors follow the same rules as in the app", async () => {
  const { api, ipc } = chatMock();
  const refused: string[] = [];
  ipc.onInvalidKey((provider) => refused.push(provider));
  const turn = await api.request("chat:send", { conversationId: "c", content: "Hi", modelId: "bad" });
  assert.deepEqual(turn, {
    success: true,
    data: { error: "Refused.", code: -32011, kind: "invalid_api_key" },
  });
  assert.deepEqual(refused, ["openai"]);
  const unknown = await api.request("batch:list", { projectId: "p" });
  assert.ok(!unknown.success);
  assert.match(unknown.error, /batch:list/);
  assert.equal(unknown.kind, "method_not_found");
});

it("a test page can play the sidecar and the menu", () => {
  const { api, ipc, emit, openSettings } = chatMock();
  const heard: unknown[] = [];
  api.on("batch:progress", (params) => heard.push(params));
  const off = ipc.onOpenSettings(() => heard.push("settings"));
  emit("batch:progress", { percentage: 50 });
  openSettings();
  off();
  openSettings();
  assert.deepEqual(heard, [{ percentage: 50 }, "settings"]);
});

/** Plays the page's part of a recording against a mock made of that recording alone. */
async function playThroughMock(name: string): Promise<number> {
  const recording = parseRecording(name, readFileSync(join(REPLAY, `${name}.jsonl`), "utf8"));
  const { api } = createMockApi([recording], { delayMs: 0 });
  const bindings: Bindings = new Map();
  let played = 0;
  for (const exchange of exchanges(recording)) {
    if (!/^[\w-]+:[\w-]+$/.test(exchange.method)) continue;
    played += 1;
    const makers = { uuid: () => randomUUID(), now: () => NOW };
    const payload = { ...(fill(exchange.params, bindings, makers) as object), partialResultToken: "page" };
    const values: unknown[] = [];
    const off = api.on("$/progress", (params) => values.push((params as { value: unknown }).value));
    const envelope = await api.request(exchange.method, payload);
    off();
    const where = `${name}, ${exchange.method}`;
    const expected = exchange.events.flatMap((event) => ("progress" in event ? [event.progress] : []));
    assert.equal(mismatch(expected, values, bindings), undefined, where);
    if ("result" in exchange.response) {
      assert.ok(envelope.success, where);
      assert.equal(mismatch(exchange.response.result, envelope.data, bindings), undefined, where);
    } else {
      const { code, message } = exchange.response.error;
      const failed = (envelope.success ? envelope.data : envelope) as Record<string, unknown>;
      assert.equal(mismatch({ error: message, code, "...": true }, failed, bindings), undefined, where);
    }
  }
  return played;
}

it("every recording plays through the mock as it plays against the server", async () => {
  const names = readdirSync(REPLAY).filter((name) => name.endsWith(".jsonl"));
  let played = 0;
  for (const name of names) played += await playThroughMock(basename(name, ".jsonl"));
  assert.ok(played > 0, `no requests in ${REPLAY}`);
});

it("the bundle for a browser holds every recording and answers from them", async () => {
  const bundle = (await import(pathToFileURL(resolve(__dirname, "..", "mock", "index.js")).href)) as {
    RECORDINGS: Parameters<typeof createMockApi>[0];
    createMockApi: typeof createMockApi;
  };
  const names = readdirSync(REPLAY).filter((name) => name.endsWith(".jsonl"));
  assert.equal(bundle.RECORDINGS.length, names.length);
  const { api } = bundle.createMockApi(bundle.RECORDINGS, { delayMs: 0 });
  const models = dataOf(await api.request({ type: "models:get-all" })) as unknown as { id: string }[];
  assert.ok(models.length > 0);
});
