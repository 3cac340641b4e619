import type { ChatOptions, Model } from "../contract.js";
import { contractError, type SidecarError } from "../errors.js";
import { isObject } from "../replay.js";
import { tryParse } from "./text.js";

const ABILITIES: readonly [feature: Model["features"][number], words: string][] = [
  ["json_mode", "JSON mode"],
  ["json_schema", "JSON schemas"],
  ["web_search", "web search"],
  ["extended_thinking", "extended thinking"],
  ["reasoning", "reasoning efforts"],
];

/** Throws `unsupported` or `invalid_params` for what a request asks by name and cannot have. */
export function checkOptions(
  { enableWebSearch, enableExtendedThinking, jsonSchema }: ChatOptions,
  model: Model,
): void {
  if (typeof jsonSchema === "string" && !isObject(tryParse(jsonSchema))) {
    const message =
      "The JSON schema cannot be used: the text is not JSON. Correct it and send again; nothing was paid.";
    const issues = [{ path: "options.jsonSchema", message: "the text is not JSON" }];
    throw contractError("invalid_params", message, { retryable: false, issues });
  }
  if (enableWebSearch === true && !model.features.includes("web_search")) {
    throw unsupported(model, "cannot search the web");
  }
  if (enableExtendedThinking === true && !model.features.includes("extended_thinking")) {
    throw unsupported(model, "does not show its thinking");
  }
}

function unsupported({ id, provider, features }: Model, cannot: string): SidecarError {
  const can = ABILITIES.filter(([feature]) => features.includes(feature)).map(([, words]) => words);
  const offer = can.length > 0 ? `It can do: ${can.join(", ")}.` : "It takes plain text only.";
  const data = { retryable: false, provider, model: `${provider}/${id}` };
  return contractError("unsupported", `${id} ${cannot}. ${offer}`, data);
}
