import assert from "node:assert/strict";

import { findSidecar } from "../src/command.js";
import { ERROR_CODES } from "../src/contract.js";
import { attach, call, CallError, on, stream } from "../src/renderer.js";
import { clientFor, it, temporaryFolder } from "./helpers.js";
import { PROJECT, quickMock } from "./mocks.js";
import { open } from "./window.js";

const MODEL = "openai/gpt-6-luna";
const SLOW = "[[simulate: pace_ms=20]] Tell me a story.";

/** Puts an `api` where a page has it. */
function pageWith(api: object): void {
  Object.assign(globalThis, { api });
}

const WORLDS = {
  "a real sidecar": async (t: Parameters<typeof clientFor>[0]) => {
    const client = clientFor(t, findSidecar({ projectDir: PROJECT, dataDir: temporaryFolder(t), mock: true }));
    await client.start();
    return open(client).page.api;
  },
  "the mock": () => Promise.resolve(quickMock().api),
};

for (const [world, apiOf] of Object.entries(WORLDS)) {
  it(`with ${world}, a page reads an answer piece by piece, and its pieces are the answer`, async (t) => {
    pageWith(await apiOf(t));
    const told = stream("chat:send", { content: "Why do cats purr?", modelId: MODEL });
    let text = "";
    for await (const piece of told) if (piece.type === "text") text += piece.text;
    assert.equal(text, (await told.result).answer);
  });

  it(`with ${world}, what fails is an error with a sentence and a kind`, async (t) => {
    pageWith(await apiOf(t));
    await assert.rejects(call("project:switch", { id: "none" }), (error: unknown) => {
      assert.ok(error instanceof CallError);
      assert.deepEqual([error.kind, error.code], ["not_found", ERROR_CODES.not_found]);
      return error.message.endsWith(".");
    });
    const failing = stream("chat:send", { content: " ", modelId: MODEL, conversationId: crypto.randomUUID() });
    await assert.rejects(failing.result, { kind: "invalid_params" });
    await assert.rejects(async () => {
      for await (const _ of failing) assert.fail("it told something");
    }, CallError);
  });
}

it("a person who presses Stop ends the request at the vendor, and keeps what had arrived", async (t) => {
  pageWith(await WORLDS["a real sidecar"](t));
  const { id: projectId } = await call("project:create", { name: "Stopped" });
  const { id: conversationId } = await call("conversation:create", { projectId });
  const stop = new AbortController();
  const told = stream("chat:send", { content: SLOW, modelId: MODEL, conversationId }, { signal: stop.signal });
  await assert.rejects(async () => {
    for await (const piece of told) if (piece.type === "text") stop.abort();
  }, { kind: "cancelled" });
  await assert.rejects(told.result, { kind: "cancelled" });
  // The next request is answered behind the storing of what was stopped.
  const [, answer] = await call("messages:list", { conversationId });
  assert.equal(answer?.finishReason, "cancelled");
  assert.notEqual(answer?.content, "");
});

it("a second window joins an answer on its way, reads every word of it once, and leaving it stops nothing", async (t) => {
  pageWith(await WORLDS["a real sidecar"](t));
  const { id: projectId } = await call("project:create", { name: "Joined" });
  const { id: conversationId } = await call("conversation:create", { projectId });
  const first = stream("chat:send", { content: SLOW, modelId: MODEL, conversationId });
  for await (const piece of { [Symbol.asyncIterator]: () => piecesUntilLeft(first) }) if (piece.type === "text") break;
  const [turn] = (await call("work:list", { projectId })).turns;
  const turnId = turn?.turnId ?? "";
  for await (const piece of attach({ turnId })) if (piece.type === "so-far") break;
  const joined = attach({ turnId });
  let text = "";
  for await (const piece of joined) if (piece.type === "so-far" || piece.type === "text") text += piece.text;
  const { answer } = await first.result;
  assert.equal(text, answer);
  assert.deepEqual((await joined.result).answers.map(({ state }) => state), ["whole"]);
});

/** The pieces of a stream for who leaves them without stopping it. */
function piecesUntilLeft<T>(told: AsyncIterable<T>): AsyncIterator<T> {
  const pieces = told[Symbol.asyncIterator]();
  return { next: () => pieces.next() };
}

it("a page that leaves the loop stops the request, and one that had given up before asks nothing", async (t) => {
  pageWith(await WORLDS["a real sidecar"](t));
  const told = stream("chat:send", { content: SLOW, modelId: MODEL });
  for await (const piece of told) if (piece.type === "text") break;
  await assert.rejects(told.result, { kind: "cancelled" });
  const late = stream("chat:send", { content: SLOW, modelId: MODEL }, { signal: AbortSignal.abort() });
  await assert.rejects(late.result, { kind: "cancelled" });
});

it("a page hears notifications with the members that the contract gives them", async () => {
  const mock = quickMock();
  pageWith(mock.api);
  const heard: string[] = [];
  const off = on("settings:invalidKey", ({ provider }) => heard.push(provider));
  mock.emit("settings:invalidKey", { provider: "openai" });
  off();
  mock.emit("settings:invalidKey", { provider: "grok" });
  assert.deepEqual(heard, ["openai"]);
});

it("a page without an api is told where it gets one", async () => {
  Reflect.deleteProperty(globalThis, "api");
  await assert.rejects(call("project:list"), /no window\.api.*the mock/);
});
