/** `window.api` and `window.ipc` for a plain browser page, with a memory of its own: no Electron, no Python. */

import type { ApiRequest, Envelope, Unsubscribe, WindowApi, WindowIpc } from "../api.js";
import type { ProgressToken, ProgressValue } from "../contract.js";
import { failure, parseRequest, success } from "../envelope.js";
import { cancelled, contractError, type SidecarError } from "../errors.js";
import { splitToken } from "../exchange.js";
import { isObject, type Ids } from "../replay.js";
import { Fixtures, type MockFixtures } from "./fixtures.js";
import { answer as answerFrom, methodNamed } from "./handlers.js";
import { faultsEvery, PACE, type Pace, parseQuery, SLOW_PACE } from "./query.js";
import { Store } from "./store.js";

export type { MockFixtures };

export interface MockOptions extends Partial<Ids>, Partial<Pace> {
  /** The search part of the page's address, which may ask for errors or slowness. Default: that of the page. */
  search?: string;
}

export interface MockApi {
  api: WindowApi;
  ipc: WindowIpc;
  /** Sends a notification, as the sidecar would. */
  emit(name: string, params: unknown): void;
  openSettings(): void;
}

// No notification of the contract: it comes from the menu.
const OPEN_SETTINGS = "app:open-settings";

/** Makes the two objects without putting them anywhere. */
export function createMockApi(source: MockFixtures, options: MockOptions = {}): MockApi {
  const { slow, failEvery } = parseQuery(options.search ?? searchOfPage());
  const ids: Ids = { uuid: options.uuid ?? randomUuid, now: options.now ?? Date.now };
  const fixtures = new Fixtures(source, ids);
  const nextFault = faultsEvery(failEvery, fixtures);
  const listeners = new Set<{ name: string; call: (params: unknown) => void }>();

  const on = (name: string, listener: (params: unknown) => void): Unsubscribe => {
    const entry = { name, call: listener };
    listeners.add(entry);
    return () => void listeners.delete(entry);
  };
  const emit = (name: string, params: unknown): void => {
    for (const listener of [...listeners].filter((each) => each.name === name)) {
      try {
        listener.call(carried(params));
      } catch (error) {
        console.error(error);
      }
    }
  };
  const pace = { ...(slow ? SLOW_PACE : PACE), ...options };
  const store = new Store(fixtures, pace, ids, emit);

  async function answer(message: ApiRequest): Promise<unknown> {
    const { method: name, params: sent } = parseRequest(message);
    const { token, params } = splitToken(carried(sent ?? {}));
    if (name === "request:cancel") return void stopped.add(params["token"]);
    if (pace.latencyMs > 0) await store.pause(pace.latencyMs);
    const fault = nextFault();
    if (fault !== undefined) throw fault;
    const method = methodNamed(name);
    if (method === undefined) throw unknownMethod(name);
    const progress = token === undefined ? undefined : progressFor(token);
    return carried(await answerFrom(store, method, params, progress));
  }

  const stopped = new Set<unknown>();
  const progressFor = (token: unknown) => (value: ProgressValue) => {
    if (stopped.delete(token)) throw cancelled();
    emit("$/progress", { token: token as ProgressToken, value });
  };

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
      onOpenSettings: (listener) => on(OPEN_SETTINGS, () => listener()),
    },
    emit,
    openSettings: () => emit(OPEN_SETTINGS, null),
  };
}

/** Puts `api` and `ipc` on the page's window. */
export function installMockApi(
  source: MockFixtures,
  options: MockOptions = {},
  target: object = globalThis,
): MockApi {
  const mock = createMockApi(source, options);
  Object.assign(target, { api: mock.api, ipc: mock.ipc });
  return mock;
}

/** A value as it comes out of the pipe: a copy, with members without a value absent and dates as text. */
function carried(value: unknown): unknown {
  return value === undefined ? null : (JSON.parse(JSON.stringify(value)) as unknown);
}

function unknownMethod(name: string): SidecarError {
  const sentence = `There is no method named "${name}". Look it up in the list of methods.`;
  return contractError("method_not_found", sentence, { retryable: false });
}

function searchOfPage(): string {
  return (globalThis as { location?: { search?: string } }).location?.search ?? "";
}

// Not `crypto.randomUUID`, which a page served over plain http does not have. These ids guard nothing.
function randomUuid(): string {
  return "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx".replace(/x/g, () =>
    Math.floor(Math.random() * 16).toString(16),
  );
}
