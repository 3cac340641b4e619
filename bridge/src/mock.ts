/** `window.api` and `window.ipc` for a plain browser page, answered from recordings: no Electron, no Python. */

import type { ApiRequest, Envelope, Unsubscribe, WindowApi, WindowIpc } from "./api.js";
import { failure, parseRequest, success } from "./envelope.js";
import { contractError, errorFromWire } from "./errors.js";
import { type Choice, choose, type Exchange, exchanges, type Played, splitToken } from "./exchange.js";
import { type Bindings, fill, isObject, type Makers, type Recording } from "./replay.js";

export interface MockOptions extends Partial<Makers> {
  /** Time before each piece of streamed text, in ms, so that streaming can be seen. */
  delayMs?: number;
}

export interface MockApi {
  api: WindowApi;
  ipc: WindowIpc;
  /** Sends a notification, as the sidecar would. */
  emit(name: string, params: unknown): void;
  openSettings(): void;
}

/** Makes the two objects without putting them anywhere. */
export function createMockApi(recordings: readonly Recording[], options: MockOptions = {}): MockApi {
  const makers: Makers = { uuid: options.uuid ?? randomUuid, now: options.now ?? Date.now };
  const delayMs = options.delayMs ?? 20;
  const all: Played[] = recordings.map((recording) => ({
    exchanges: exchanges(recording),
    given: new Set(),
    bindings: new Map(),
  }));
  const listeners = new Map<string, Set<{ call: (params: unknown) => void }>>();
  const settingsListeners = new Set<() => void>();

  const on = (name: string, listener: (params: unknown) => void): Unsubscribe => {
    const entry = { call: listener };
    const others = listeners.get(name) ?? new Set();
    listeners.set(name, others.add(entry));
    return () => void others.delete(entry);
  };
  const emit = (name: string, params: unknown): void => {
    for (const listener of [...(listeners.get(name) ?? [])]) listener.call(params);
  };

  async function answer(message: ApiRequest): Promise<unknown> {
    const { method, params: sent } = parseRequest(message);
    // What crosses the pipe is JSON: members without a value are absent, dates are text.
    const { token, params } = splitToken(JSON.parse(JSON.stringify(sent ?? {})));
    const choice = choose(all, method, params);
    if (choice === undefined) throw contractError("method_not_found", `No recording answers ${method}.`);
    const bindings = bindIds(choice);
    for (const event of choice.exchange.events) {
      if ("notification" in event) emit(event.notification, fill(event.params, bindings, makers));
      else if (token !== undefined) {
        await pause(delayMs);
        emit("$/progress", { token, value: fill(event.progress, bindings, makers) });
      }
    }
    return settle(choice.exchange.response, bindings, makers);
  }

  return {
    api: {
      request: async (first: ApiRequest | string, payload?: unknown): Promise<Envelope> => {
        const message = typeof first === "string" ? { type: first, payload } : first;
        try {
          return success(await answer(message));
        } catch (error) {
          return failure(message, error);
        }
      },
      on,
    },
    ipc: {
      onInvalidKey: (listener) =>
        on("settings:invalidKey", (params) => listener(isObject(params) ? String(params["provider"]) : "")),
      onOpenSettings: (listener) => {
        const own = (): void => listener();
        settingsListeners.add(own);
        return () => void settingsListeners.delete(own);
      },
    },
    emit,
    openSettings: () => settingsListeners.forEach((listener) => listener()),
  };
}

/** Puts `api` and `ipc` on the page's window. */
export function installMockApi(
  recordings: readonly Recording[],
  target: object = globalThis,
  options: MockOptions = {},
): MockApi {
  const mock = createMockApi(recordings, options);
  Object.assign(target, { api: mock.api, ipc: mock.ipc });
  return mock;
}

/** The ids for one answer: the recording's, those that the request named, and none yet for what is new in it. */
function bindIds({ played, exchange, bindings: named }: Choice): Bindings {
  played.given.add(exchange);
  for (const name of exchange.newIds) played.bindings.delete(name);
  for (const [name, id] of named) played.bindings.set(name, id);
  return played.bindings;
}

function settle(response: Exchange["response"], bindings: Bindings, makers: Makers): unknown {
  if ("result" in response) return fill(response.result, bindings, makers);
  const { code, message, data } = fill(response.error, bindings, makers) as Record<string, unknown>;
  throw errorFromWire(Number(code), String(message), data);
}

function pause(ms: number): Promise<void> {
  return ms <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms));
}

// Not `crypto.randomUUID`, which a page served over plain http does not have. These ids guard nothing.
function randomUuid(): string {
  return "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx".replace(/x/g, () =>
    Math.floor(Math.random() * 16).toString(16),
  );
}
