import assert from "node:assert/strict";

import type { Envelope, SentRequest } from "../src/api.js";
import { it } from "./helpers.js";
import { loadPreload } from "./preload-page.js";

const echo = (...args: unknown[]): Promise<unknown> =>
  Promise.resolve({ success: true, data: args } satisfies Envelope);

it("the page gets exactly two objects", () => {
  const { exposed, api, ipc } = loadPreload(echo);
  assert.deepEqual([...exposed.keys()], ["api", "ipc"]);
  assert.deepEqual(Object.keys(api).sort(), ["on", "request"]);
  assert.deepEqual(Object.keys(ipc).sort(), ["onInvalidKey", "onOpenSettings"]);
});

it("both forms of request send the same and resolve to the envelope", async () => {
  const { api } = loadPreload(echo);
  const expected = { success: true, data: ["app:request", { type: "project:get", payload: { id: "x" } }] };
  const same = (value: unknown): unknown => {
    const copy = JSON.parse(JSON.stringify(value)) as { data: [string, SentRequest] };
    assert.equal(typeof copy.data[1].page, "string");
    delete copy.data[1].page;
    return copy;
  };
  assert.deepEqual(same(await api.request({ type: "project:get", payload: { id: "x" } })), expected);
  assert.deepEqual(same(await api.request("project:get", { id: "x" })), expected);
});

it("a payload that cannot cross is answered with an envelope", async () => {
  const { api } = loadPreload(() => Promise.reject(new Error("An object could not be cloned.")));
  const answer = await api.request("project:create", { name: () => "x" });
  assert.deepEqual([answer.success, !answer.success && answer.kind], [false, "invalid_params"]);
});

it("a main process without a handler is an error, as it always was", async () => {
  const { api } = loadPreload(() => Promise.reject(new Error("No handler registered for 'app:request'")));
  await assert.rejects(api.request("project:list"), /No handler/);
});

it("a refused key is told by its provider's name until the listener is taken away", () => {
  const { ipc, emit, listeners } = loadPreload(echo);
  const heard: unknown[][] = [];
  const off = ipc.onInvalidKey((...args) => heard.push(args));
  emit("settings:invalidKey", "gemini");
  off();
  emit("settings:invalidKey", "grok");
  assert.deepEqual(heard, [["gemini"]]);
  assert.equal(listeners.get("settings:invalidKey")?.size, 0);
});

it("opening the settings hands nothing to the page", () => {
  const { ipc, emit } = loadPreload(echo);
  const heard: unknown[][] = [];
  const off = ipc.onOpenSettings((...args: unknown[]) => heard.push(args));
  emit("menu:openSettings");
  off();
  emit("menu:openSettings");
  assert.deepEqual(heard, [[]]);
});

it("what is no request goes as it is, to be refused in the main process's words", async () => {
  const { api } = loadPreload(echo);
  for (const message of [null, 7, [1]] as unknown[]) {
    const answer = await api.request(message as { type: string });
    assert.deepEqual(JSON.parse(JSON.stringify(answer)), { success: true, data: ["app:request", message] });
  }
});

it("events reach those who listen to their name", () => {
  const { api, emit, listeners } = loadPreload(echo);
  const heard: unknown[][] = [];
  const listener = (params: unknown): number => heard.push(["one", params]);
  const off = api.on("batch:progress", listener);
  api.on("batch:progress", listener);
  api.on("$/progress", (params) => heard.push(["other", params]));
  emit("abai:event", "batch:progress", 1);
  off();
  emit("abai:event", "batch:progress", 2);
  emit("abai:event", "nobody:listens", 3);
  assert.deepEqual(heard, [
    ["one", 1],
    ["one", 1],
    ["one", 2],
  ]);
  assert.equal(listeners.get("abai:event")?.size, 1);
});
