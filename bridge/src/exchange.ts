import { idNames, isObject, type Recording } from "./replay.js";

/** One request of a recording with what belongs to it. Params, values and response are patterns. */
export interface Exchange {
  method: string;
  /** Without `partialResultToken`. */
  params: Record<string, unknown>;
  /** `$/progress` values of this request and other notifications before its response, in order. */
  events: ({ progress: unknown } | { notification: string; params: unknown })[];
  response: { result: unknown } | { error: Record<string, unknown> };
  /** Ids that appear in this answer for the first time: they are made anew whenever it is given. */
  newIds: ReadonlySet<string>;
}

/** The requests of a recording that were answered, in the order in which they were sent. */
export function exchanges(recording: Recording): Exchange[] {
  const found: Exchange[] = [];
  const known = new Set<string>();
  for (const [index, { direction, message }] of recording.lines.entries()) {
    if (direction === ">" && isObject(message) && typeof message["method"] === "string" && "id" in message) {
      const before = new Set([...known, ...idNames(message)]);
      const exchange = answerTo(message, recording, index, before);
      if (exchange !== undefined) found.push(exchange);
    }
    for (const name of idNames(message)) known.add(name);
  }
  return found;
}

function answerTo(
  request: Record<string, unknown>,
  recording: Recording,
  index: number,
  before: ReadonlySet<string>,
): Exchange | undefined {
  const { token, params } = splitToken(request["params"]);
  const events: Exchange["events"] = [];
  const newIds = new Set<string>();
  for (const { direction, message } of recording.lines.slice(index + 1)) {
    if (direction !== "<" || !isObject(message)) continue;
    const ended = !("method" in message) && message["id"] === request["id"];
    const event = ended ? undefined : eventOf(message, token);
    if (!ended && event === undefined) continue;
    for (const name of idNames(message)) if (!before.has(name)) newIds.add(name);
    if (event !== undefined) events.push(event);
    if (!ended) continue;
    const error = message["error"];
    const response = isObject(error) ? { error } : { result: message["result"] };
    return { method: String(request["method"]), params, events, response, newIds };
  }
  return undefined;
}

function eventOf(message: Record<string, unknown>, token: unknown): Exchange["events"][number] | undefined {
  const { method, params } = message;
  if (typeof method !== "string") return undefined;
  if (method !== "$/progress") return { notification: method, params };
  if (!isObject(params) || token === undefined || params["token"] !== token) return undefined;
  return { progress: params["value"] };
}

/** Params in any of the forms that the wire allows, as one object, and the token that asks for progress. */
export function splitToken(params: unknown): { token: unknown; params: Record<string, unknown> } {
  const one: unknown = Array.isArray(params) ? params[0] : params;
  if (!isObject(one)) return { token: undefined, params: {} };
  const { partialResultToken, ...rest } = one;
  return { token: partialResultToken ?? undefined, params: rest };
}
