import type { Settings, SettingsValidateKeyResult } from "../contract.js";
import { SidecarError } from "../errors.js";
import { mask } from "../mask.js";
import { KEY_PROVIDERS } from "../providers.js";
import type { Handlers, ParamsOf, Store } from "./store.js";

/** What the page saves and wants back as it was: settings, keys, and what it notes of its own batches. */
export const SAVED: Handlers = {
  "settings:load": (store, { key, provider }) => {
    if (key === "allKeys") {
      const all = KEY_PROVIDERS.map((name) => [name, { configured: hasKey(store, name) }]);
      return Object.fromEntries(all) as never;
    }
    const saved = store.keys[provider ?? ""] ?? "";
    if (key === "apiKey") return saved === "" ? null : mask(saved);
    return typeof key === "string" && key in store.settings
      ? store.settings[key as keyof Settings]
      : store.settings;
  },
  "settings:save": (store, { key, value, provider }) => {
    if (key === "apiKey") store.keys[provider ?? ""] = typeof value === "string" ? value.trim() : "";
    else Object.assign(store.settings, { [key]: value });
    return null;
  },
  "jobqueue:save-state": (store, { batchId, state: saved }) => {
    // The one saved last is listed first.
    store.queue.delete(batchId);
    store.queue.set(batchId, saved);
    return null;
  },
  "jobqueue:load-state": (store, { batchId }) => store.queue.get(batchId) ?? null,
  "jobqueue:clear-state": (store, { batchId }) => {
    store.queue.delete(batchId);
    return null;
  },
  "jobqueue:list-files": (store, { directory }) =>
    directory === "jobqueue" ? [...store.queue.keys()].reverse().map((name) => `${name}.jobqueue`) : [],
};

export function validateKey(
  store: Store,
  { provider }: ParamsOf<"settings:validate-key">,
): SettingsValidateKeyResult {
  try {
    requireKey(store, provider);
    return { valid: true };
  } catch (error) {
    if (!(error instanceof SidecarError)) throw error;
    if (error.kind === "invalid_api_key") return { valid: false, reason: error.message };
    return { valid: false, reason: `There is no API key for ${provider} yet. Paste it and save it first.` };
  }
}

/** Say whether a provider can be asked. One that the person added needs no key. */
export function hasKey(store: Store, provider: string): boolean {
  return store.keys[provider] !== "";
}

/** Throw what is recorded of a key that is missing, or that begins with sk-invalid, which is refused. */
export function requireKey(store: Store, provider: string): void {
  const refused = store.keys[provider]?.startsWith("sk-invalid") === true;
  if (hasKey(store, provider) && !refused) return;
  const kind = refused ? "invalid_api_key" : "missing_api_key";
  throw store.fixtures.error(kind, { method: "chat:send", provider });
}
