import type { ChatOptions, ChatSendResult, Model } from "../contract.js";
import { errorFromWire, type SidecarError } from "../errors.js";
import type { Exchange } from "../exchange.js";
import { isObject } from "../replay.js";

const DIRECTIVE = /\[\[simulate:([^\]]*)\]\]/g;
const EXACTLY = /^Reply with exactly: ([^]*)$/;

/** What decides which reply fits a question. */
interface Traits {
  /** Without directives. */
  content: string;
  /** The failure that was ordered by a directive, as `status=429`; empty: none. */
  order: string;
  json: boolean;
  /** As JSON; the JSON mode left out. */
  options: string;
}

/** One recorded answer, or one recorded failure that was ordered. */
export interface RecordedReply extends Traits {
  modelId: string;
  outcome: ChatSendResult | SidecarError;
}

/** Return every answer to a question that is recorded. */
export function repliesIn(exchanges: readonly Exchange[]): RecordedReply[] {
  return exchanges.flatMap(({ method, params, response }): RecordedReply[] => {
    if (!method.startsWith("chat:send")) return [];
    const asked = {
      ...traitsOf(String(params["content"]), params["options"]),
      modelId: String(params["modelId"]),
    };
    if ("result" in response) return [{ ...asked, outcome: response.result as ChatSendResult }];
    const { code, message, data } = response.error;
    const outcome = errorFromWire(Number(code), String(message), data);
    return asked.order === "" ? [] : [{ ...asked, outcome }];
  });
}

/** Return the recorded reply that is closest to a question, in this model's name. Throws the failure that it orders. */
export function closestReply(
  replies: readonly RecordedReply[],
  content: string,
  model: Model,
  options: ChatOptions,
): ChatSendResult | undefined {
  const asked = traitsOf(content, options);
  const closeness = (reply: RecordedReply): number =>
    (reply.order === asked.order ? 1_000 : reply.order === "" ? 0 : -1_000) +
    (reply.json === asked.json ? 100 : 0) +
    (reply.options === asked.options ? 20 : reply.options === "{}" ? 10 : 0) +
    (isOf(model, reply) ? 6 : reply.modelId.startsWith(`${model.provider}/`) ? 1 : 0) +
    (reply.content === asked.content ? 5 : 0);
  const [closest] = [...replies].sort((one, other) => closeness(other) - closeness(one));
  if (closest?.outcome instanceof Error) throw closest.outcome;
  return closest === undefined ? undefined : adapt(closest.outcome, closest, asked, model);
}

/** Put a model's name and the question's words into a recorded answer. */
function adapt(reply: ChatSendResult, recorded: RecordedReply, asked: Traits, model: Model): ChatSendResult {
  const own = isOf(model, recorded);
  const { servedModel: _, notes: __, ...bare } = reply;
  // The row of an older name has that name behind the model's own, which is not shown above an answer.
  const provider = own ? reply.provider : model.name.replace(` (${model.id})`, "");
  const exactly = asked.json ? undefined : EXACTLY.exec(asked.content)?.[1];
  const named = own ? reply.answer : reply.answer.split(reply.provider).join(provider);
  const answer = exactly ?? named.split(`“${recorded.content}”`).join(`“${shorten(asked.content, 80)}”`);
  return { ...(own ? reply : bare), provider, model: fullName(model), answer, content: answer };
}

/** Return how long a prompt orders something to take, in ms: between two pieces of text, or until the first. */
export function orderedMs(prompt: string, what: "pace_ms" | "slow_first_ms"): number | undefined {
  const [, ms] = new RegExp(`\\[\\[simulate:[^\\]]*\\b${what}=(\\d+)`).exec(prompt) ?? [];
  return ms === undefined ? undefined : Number(ms);
}

/** Return the name of a row of the list of models as `provider/id`, an older name included. */
export function fullName({ provider, id }: Model): string {
  return `${provider}/${id}`;
}

function isOf(model: Model, { modelId }: RecordedReply): boolean {
  return modelId === model.id || modelId === fullName(model);
}

function traitsOf(prompt: string, given: unknown): Traits {
  const orders = [...prompt.matchAll(DIRECTIVE)].map(([, inside]) => inside ?? "").join(" ");
  // A failure that passes is tried again by the sidecar and never seen.
  const [order = ""] = /\btimes=/.test(orders)
    ? []
    : (/\b(status=\d+|(quota|refusal|cut)\b)/.exec(orders) ?? []);
  const { jsonMode, ...options } = Object.fromEntries(
    Object.entries(isObject(given) ? given : {}).filter(([, value]) => value ?? false),
  );
  const json = jsonMode === true || "jsonSchema" in options;
  return { content: prompt.replace(DIRECTIVE, "").trim(), order, json, options: JSON.stringify(options) };
}

/** Return a text as one line of at most so many characters. */
export function shorten(text: string, most: number): string {
  const line = text.replace(/\s+/g, " ");
  return line.length <= most ? line : `${line.slice(0, most - 1)}…`;
}
