import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import vm from "node:vm";

import type { Envelope, WindowApi, WindowIpc } from "../src/api.js";
import { it } from "./helpers.js";

type Listener = (event: unknown, ...args: unknown[]) => void;

/** Runs the compiled preload as a sandboxed page would: with `require` for Electron and for nothing else. */
function loadPreload(invoke: (channel: string, ...args: unknown[]) => Promise<unknown>) {
  const exposed = new Map<string, unknown>();
  const listeners = new Map<string, Set<Listener>>();
  const electron = {
    contextBridge: { exposeInMainWorld: (name: string, api: unknown) => void exposed.set(name, api) },
    ipcRenderer: {
      invoke,
      on: (channel: string, listener: Listener) =>
        void listeners.set(channel, (listeners.get(channel) ?? new Set()).add(listener)),
      removeListener: (channel: string, listener: Listener) => void listeners.get(channel)?.delete(listener),
    },
  };
  const source = readFileSync(join(__dirname, "..", "src", "preload.js"), "utf8");
  const require = (name: string): unknown =>
    name === "electron" ? electron : assert.fail(`it loads ${name}`);
  vm.runInNewContext(source, { require, exports: {}, console });
  const emit = (channel: string, ...args: unknown[]): void =>
    listeners.get(channel)?.forEach((listener) => listener({ sender: "must not reach the page" }, ...args));
  const api = exposed.get("api") as WindowApi;
  const ipc = exposed.get("ipc") as WindowIpc;
  return { exposed, listeners, emit, api, ipc };
}

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
  const same = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
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
