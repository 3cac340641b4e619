import assert from "node:assert/strict";

import { FAULT_KINDS, PACE, parseQuery } from "../src/mock/query.js";
import { createMockApi } from "../src/mock/mock.js";
import { it } from "./helpers.js";
import { FIXTURES, MODELS, quickMock, type Reply, user } from "./mocks.js";
import { problems } from "./schema.js";

it("on demand every n-th request fails, with each kind in turn", async () => {
  const { api, kindOf } = user(quickMock({ search: "?mock=errors&every=2" }));
  const kinds: string[] = [];
  for (let n = 0; n < 2 * FAULT_KINDS.length; n += 1) kinds.push(await kindOf("project:list"));
  assert.deepEqual(
    kinds.filter((_, index) => index % 2 === 1),
    FAULT_KINDS,
  );
  assert.ok(kinds.every((kind, index) => index % 2 === 1 || kind === "success"));
  await api.request("project:list");
  const turn = await api.request("chat:send", { conversationId: "c", content: "Hi", modelId: MODELS[0] });
  assert.ok(turn.success && (turn.data as Reply).kind === FAULT_KINDS[0]);
});

it("the address of the page says what is wished for", () => {
  assert.deepEqual(parseQuery(""), { slow: false, failEvery: 0 });
  assert.deepEqual(parseQuery("?mock"), { slow: false, failEvery: 0 });
  assert.deepEqual(parseQuery("?mock=errors"), { slow: false, failEvery: 3 });
  assert.deepEqual(parseQuery("?mock=errors,slow&every=7"), { slow: true, failEvery: 7 });
});

it("a failure, or slowness, can be ordered inside a question, as of the simulator", async () => {
  const { api, get, kindOf } = user(quickMock());
  const row = (orders: string): object => ({ content: `Why? [[simulate: ${orders}]]`, modelId: MODELS[0] });
  for (const [status, kind] of [
    [429, "rate_limited"],
    [503, "provider_unavailable"],
    [400, "provider_rejected"],
    [401, "invalid_api_key"],
  ] as const) {
    assert.equal(await kindOf("chat:send", row(`status=${status}`)), kind);
  }
  // The sidecar tries again, so that nobody sees it.
  assert.match((await get<Reply>("chat:send", row("status=429 times=1"))).answer, /simulated .*“Why\?”/);
  const arrivals: number[] = [];
  api.on("$/progress", () => arrivals.push(performance.now()));
  await get("chat:send", { ...row("pace_ms=5"), partialResultToken: 1 });
  assert.ok((arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0) >= 5 * (arrivals.length - 3));
});

it("a request takes as long as it is told to", async () => {
  assert.equal(PACE.latencyMs, 0);
  const { get } = user(quickMock({ latencyMs: 30 }));
  const begun = performance.now();
  await get("project:list");
  assert.ok(performance.now() - begun >= 25);
});

it("without any recording the contract's own examples stand in", async () => {
  const mock = createMockApi({ ...FIXTURES, recordings: [] }, { delayMs: 0, search: "" });
  const { get } = user(mock);
  const [model] = await get<{ id: string; provider: string }[]>("models:get-all");
  assert.ok(model !== undefined);
  const reply = await get<Reply>("chat:send", {
    content: "Hello?",
    modelId: `${model.provider}/${model.id}`,
  });
  assert.equal(reply.answer, "EN 1992 holds.");
});

it("what is no request, or none of a page's, is refused as in the app", async () => {
  const { kindOf } = user(quickMock());
  assert.equal(await kindOf("initialize"), "method_not_found");
  assert.equal(await kindOf("project:shout"), "method_not_found");
  assert.equal(await kindOf("project:create", { name: () => "x" }), "invalid_params");
  assert.equal(await kindOf("project:create", { name: 7 }), "invalid_params");
});

it("a test page can play the sidecar and the menu, and a listener that throws harms nobody", (t) => {
  t.mock.method(console, "error", () => undefined);
  const { api, ipc, emit, openSettings } = quickMock();
  const heard: unknown[] = [];
  api.on("batch:progress", () => {
    throw new Error("a bug of the page");
  });
  api.on("batch:progress", (params) => heard.push(params));
  const off = ipc.onOpenSettings(() => heard.push("settings"));
  emit("batch:progress", { percentage: 50 });
  openSettings();
  off();
  openSettings();
  assert.deepEqual(heard, [{ percentage: 50 }, "settings"]);
});

it("a schema is held against values", () => {
  const schema = {
    type: "object",
    required: ["name"],
    additionalProperties: false,
    properties: {
      name: { type: "string", minLength: 1 },
      size: { anyOf: [{ type: "integer", minimum: 0, maximum: 9 }, { type: "null" }] },
      kinds: { type: "array", items: { enum: ["a", "b"] } },
    },
  };
  assert.deepEqual(problems(schema, { name: "x" }), []);
  assert.deepEqual(problems(schema, { name: "x", size: null, kinds: ["b"] }), []);
  const paths = problems(schema, { size: 10, kinds: ["c"], more: 1 }).map(({ path }) => path);
  assert.deepEqual(paths, ["name", "size", "kinds.0", "more"]);
});
