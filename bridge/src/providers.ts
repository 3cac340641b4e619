import type { AllKeys } from "./contract.js";

/** The vendors of which the app keeps API keys. */
export const KEY_PROVIDERS = ["openai", "anthropic", "gemini", "grok"] as const satisfies (keyof AllKeys)[];

export type KeyProvider = (typeof KEY_PROVIDERS)[number];
