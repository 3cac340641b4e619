import type { ErrorKind, Model } from "../contract.js";
import { contractError, type SidecarError } from "../errors.js";
import { fullName } from "./backend.js";
import { TITLES } from "./keys.js";

const DIRECTIVE = /\[\[simulate:([^\]]*)\]\]/g;
const PAIR = /([a-z_]+)=([^\s,;]+)/g;

/** Of what can be ordered of the simulator inside a prompt, the part that is ordered here too. */
export interface Directives {
  /** The HTTP status with which the vendor refuses. */
  status?: number;
  /** Between two pieces of streamed text. */
  paceMs?: number;
}

/** Reads `[[simulate: status=429]]` and `[[simulate: pace_ms=200]]`. */
export function directivesIn(prompt: string): Directives {
  const orders: Directives = {};
  for (const [, inside = ""] of prompt.matchAll(DIRECTIVE)) {
    const values = Object.fromEntries(
      [...inside.matchAll(PAIR)].map(([, name = "", value]) => [name, Number(value)]),
    );
    // A failure that passes is tried again by the sidecar and never seen.
    if (values["status"] !== undefined && values["times"] === undefined) orders.status = values["status"];
    if (values["pace_ms"] !== undefined) orders.paceMs = values["pace_ms"];
  }
  return orders;
}

export function withoutDirectives(prompt: string): string {
  return prompt.replace(DIRECTIVE, "").trim();
}

/** The error that the sidecar makes of a vendor's status. */
export function errorOfStatus(status: number, model: Model): SidecarError {
  const kind = kindOf(status);
  const { provider } = model;
  const title = TITLES[provider] ?? provider;
  const sentence: Partial<Record<ErrorKind, string>> = {
    invalid_api_key: `${title} refused the API key. Check it in the settings.`,
    rate_limited: `${title} is limiting how fast this key may ask. Try again later.`,
    timeout: `${title} did not answer in time. Try again.`,
    provider_unavailable:
      `The ${title} API is not available at the moment (${status}). Try again later. ` +
      "It says: The server had an error while processing your request.",
  };
  const message =
    sentence[kind] ?? `The ${title} API rejected the request (${status}). It says: ${AS_ORDERED}`;
  const retryable = kind === "rate_limited" || kind === "timeout" || kind === "provider_unavailable";
  return contractError(kind, message, { retryable, provider, model: fullName(model), status });
}

const AS_ORDERED = "The request was refused, as the simulator was told to.";

function kindOf(status: number): ErrorKind {
  if (status === 401 || status === 403) return "invalid_api_key";
  if (status === 408) return "timeout";
  if (status === 429) return "rate_limited";
  return status >= 500 ? "provider_unavailable" : "provider_rejected";
}
