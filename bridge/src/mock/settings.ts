import type { AllKeys, Settings, SettingsSaveParams } from "../contract.js";
import { contractError, SidecarError } from "../errors.js";
import { mask } from "../mask.js";
import { KEY_PROVIDERS } from "../providers.js";
import { isObject } from "../replay.js";
import type { Backend, HandlersOf } from "./backend.js";
import { checkKey, hasKey } from "./keys.js";
import { problems } from "./schema.js";

export const SETTINGS: HandlersOf<"settings"> = {
  "settings:load": (backend, { key, provider }) => {
    const { state } = backend;
    if (key === "allKeys") {
      const all = KEY_PROVIDERS.map((name) => [name, { configured: hasKey(backend, name) }]);
      return Object.fromEntries(all) as unknown as AllKeys;
    }
    if (key === "apiKey") {
      const saved = state.keys[providerOf(provider)] ?? "";
      return saved === "" ? null : mask(saved);
    }
    return key !== undefined && key !== null && key in state.settings
      ? state.settings[key as keyof Settings]
      : structuredClone(state.settings);
  },
  "settings:save": (backend, params) => {
    if (params.key === "apiKey") saveKey(backend, params);
    else saveSetting(backend, params);
    return null;
  },
  "settings:validate-key": (backend, params) => {
    const provider = providerOf(params.provider);
    try {
      checkKey(backend, provider);
      return { valid: true };
    } catch (error) {
      if (!(error instanceof SidecarError)) throw error;
      if (error.kind === "invalid_api_key") return { valid: false, reason: error.message };
      return { valid: false, reason: `There is no API key for ${provider} yet. Paste it and save it first.` };
    }
  },
};

function saveKey(backend: Backend, { value, provider }: SettingsSaveParams): void {
  const name = providerOf(provider);
  if (value !== null && value !== undefined && typeof value !== "string") {
    throw refused("An API key is text. Paste it as the vendor shows it.", "value");
  }
  const key = (value ?? "").trim();
  if (!/^[\x21-\x7e]*$/.test(key)) {
    throw refused("That does not look like an API key. Paste the key alone, in one line.", "value");
  }
  backend.state.keys[name] = key;
}

function saveSetting(backend: Backend, { key, value }: SettingsSaveParams): void {
  const { settings } = backend.state;
  if (!(key in settings)) {
    const known = Object.keys(settings).sort().join(", ");
    throw refused(
      `There is no setting called ${key.slice(0, 80)}. The settings are ${known} and apiKey.`,
      "key",
    );
  }
  const wrong = problems(settingsSchema(backend), { ...settings, [key]: value })[0];
  if (wrong !== undefined) throw refused(`${key}: ${wrong.message}. Nothing was changed.`, "value");
  Object.assign(settings, { [key]: value });
}

/** The schema of all settings: among what `settings:load` may answer, the one with properties that are ours. */
function settingsSchema(backend: Backend): ReturnType<Backend["material"]["resultSchema"]> {
  const { anyOf, oneOf } = backend.material.resultSchema("settings:load");
  const choices = anyOf ?? oneOf ?? [];
  return choices.find(({ properties }) => isObject(properties) && "maxOutputTokens" in properties) ?? {};
}

function providerOf(name: string | null | undefined): string {
  if ((KEY_PROVIDERS as readonly unknown[]).includes(name)) return String(name);
  throw refused(`Say whose key is meant: provider is one of ${KEY_PROVIDERS.join(", ")}.`, "provider");
}

function refused(message: string, path: string): SidecarError {
  return contractError("invalid_params", message, { retryable: false, issues: [{ path, message }] });
}
