import { type Bindings, idNames, isObject, mismatch, type Recording } from "./replay.js";

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

/** A recording that is being played: its exchanges, which of them were given, and the ids in use. */
export interface Played {
  exchanges: Exchange[];
  given: Set<Exchange>;
  bindings: Bindings;
}

export interface Choice {
  played: Played;
  exchange: Exchange;
  /** Ids as the request named them. */
  bindings: Bindings;
}

/**
 * Chooses the answer to a request: from the first recording that has the method with matching params, there the
 * first that was not given yet, else the last; failing that, by method alone, an answer rather than an error.
 */
export function choose(
  all: readonly Played[],
  method: string,
  params: Record<string, unknown>,
): Choice | undefined {
  for (const played of all) {
    const fitting: Choice[] = [];
    for (const exchange of played.exchanges) {
      if (exchange.method !== method) continue;
      const bindings: Bindings = new Map();
      if (mismatch(exchange.params, params, bindings, { anyId: true }) === undefined) {
        fitting.push({ played, exchange, bindings });
      }
    }
    const choice = fitting.find(({ exchange }) => !played.given.has(exchange)) ?? fitting.at(-1);
    if (choice !== undefined) return choice;
  }
  const sameMethod = all.flatMap((played) =>
    played.exchanges
      .filter((exchange) => exchange.method === method)
      .map((exchange): Choice => ({ played, exchange, bindings: new Map() })),
  );
  return sameMethod.find(({ exchange }) => "result" in exchange.response) ?? sameMethod[0];
}
