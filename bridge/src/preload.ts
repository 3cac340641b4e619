/**
 * The preload script, complete in this one file: a sandboxed preload can load nothing but Electron.
 * It gives the page `window.api` and `window.ipc`, and no way to reach anything else.
 */
import type {
  ApiRequest,
  CHANNELS,
  Envelope,
  SentRequest,
  Unsubscribe,
  WindowApi,
  WindowIpc,
} from "./api.js";
import type { ContextBridgeLike, IpcRendererLike } from "./electron.js";

const { contextBridge, ipcRenderer } = require("electron") as {
  contextBridge: ContextBridgeLike;
  ipcRenderer: IpcRendererLike;
};

// Typed by the constants of api.ts, so that the two cannot come apart.
const channels: typeof CHANNELS = {
  request: "app:request",
  event: "abai:event",
  invalidKey: "settings:invalidKey",
  openSettings: "menu:openSettings",
};

// The event that Electron passes first holds the sender and must not reach the page.
function listen(channel: string, listener: (...args: unknown[]) => void): Unsubscribe {
  const own = (_event: unknown, ...args: unknown[]): void => listener(...args);
  ipcRenderer.on(channel, own);
  return () => void ipcRenderer.removeListener(channel, own);
}

// A reload gives the window a new page, which must not be told of what the old one asked.
const page = `${Date.now()}-${Math.random()}`;

// One listener on the channel for the whole page, however many parts of it listen.
const byName = new Map<string, Set<{ call: (params: unknown) => void }>>();
listen(channels.event, (name, params, forPage) => {
  if (forPage !== undefined && forPage !== page) return;
  for (const listener of [...(byName.get(String(name)) ?? [])]) {
    try {
      listener.call(params);
    } catch (error) {
      console.error(error);
    }
  }
});

async function request(first: ApiRequest | string, payload?: unknown): Promise<Envelope> {
  const message = typeof first === "string" ? { type: first, payload } : first;
  try {
    // What is no request is refused where the others are answered, in the same words.
    const plain = typeof message === "object" && message !== null && !Array.isArray(message);
    const sent: SentRequest = plain ? { ...message, page } : message;
    return (await ipcRenderer.invoke(channels.request, sent)) as Envelope;
  } catch (error) {
    if (!String(error).includes("could not be cloned")) throw error;
    const type = String((message as Partial<ApiRequest> | null)?.type);
    return {
      success: false,
      error: `The payload of ${type} must be plain data, without functions or objects of the page.`,
      code: -32602,
      kind: "invalid_params",
    };
  }
}

const api: WindowApi = {
  request,
  on: (name, listener) => {
    const entry = { call: listener };
    const listeners = byName.get(name) ?? new Set();
    byName.set(name, listeners.add(entry));
    return () => void listeners.delete(entry);
  },
};

const ipc: WindowIpc = {
  onInvalidKey: (listener) => listen(channels.invalidKey, (provider) => listener(String(provider))),
  onOpenSettings: (listener) => listen(channels.openSettings, () => listener()),
};

contextBridge.exposeInMainWorld("api", api);
contextBridge.exposeInMainWorld("ipc", ipc);
