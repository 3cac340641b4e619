import { contractError } from "../errors.js";
import { KEY_PROVIDERS, type KeyProvider } from "../providers.js";
import type { Backend } from "./backend.js";

/** What the vendors are called in sentences. */
export const TITLES: Readonly<Record<string, string>> = {
  openai: "OpenAI",
  anthropic: "Anthropic",
  gemini: "Gemini",
  grok: "xAI Grok",
};

// How each vendor says that it does not take a key.
const REFUSALS: Readonly<Record<KeyProvider, { status: number; error: string; says: string }>> = {
  openai: {
    status: 401,
    error: "invalid_request_error invalid_api_key",
    says: "Incorrect API key provided: [key hidden].",
  },
  anthropic: {
    status: 401,
    error: "authentication_error",
    says: "invalid x-api-key",
  },
  gemini: {
    status: 400,
    error: "INVALID_ARGUMENT API_KEY_INVALID",
    says: "API key not valid. Please pass a valid API key.",
  },
  grok: {
    status: 400,
    error: "Client specified an invalid argument invalid_api_key",
    says: "Incorrect API key provided: sk***yz.",
  },
};

/** Whether a provider can be asked. One that the person added needs no key. */
export function hasKey({ state }: Backend, provider: string): boolean {
  return !isProvider(provider) || (state.keys[provider] ?? "") !== "";
}

/** Throws `missing_api_key`, or `invalid_api_key` as the simulator does for keys that begin with sk-invalid. */
export function checkKey(backend: Backend, provider: string, model?: string): void {
  if (!isProvider(provider)) return;
  const about = { provider, retryable: false, ...(model === undefined ? {} : { model }) };
  if (!hasKey(backend, provider)) {
    const message = `Missing API key for provider: ${provider}. Add it in the settings, then send again.`;
    throw contractError("missing_api_key", message, about);
  }
  if (backend.state.keys[provider]?.startsWith("sk-invalid") !== true) return;
  if (model !== undefined) backend.emit("settings:invalidKey", { provider });
  const { status, error, says } = REFUSALS[provider];
  const message = `${TITLES[provider]} refused the API key. Check it in the settings. It says: ${says.replace(/\.$/, "")}.`;
  const data = { ...about, status, detail: `${error}: ${says}`, requestId: "req_sim000001" };
  throw contractError("invalid_api_key", message, data);
}

function isProvider(name: string): name is KeyProvider {
  return (KEY_PROVIDERS as readonly string[]).includes(name);
}
