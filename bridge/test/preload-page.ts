import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import vm from "node:vm";

import type { WindowApi, WindowIpc } from "../src/api.js";

type Listener = (event: unknown, ...args: unknown[]) => void;

/** Runs the compiled preload as a sandboxed page would: with `require` for Electron and for nothing else. */
export function loadPreload(invoke: (channel: string, ...args: unknown[]) => Promise<unknown>) {
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
