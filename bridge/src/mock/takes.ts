import type { ChatOptions, ChatSendResult, Model } from "../contract.js";
import { errorFromWire, type SidecarError } from "../errors.js";
import type { Exchange } from "../exchange.js";
import { isObject } from "../replay.js";

const DIRECTIVE = /\[\[simulate:([^\]]*)\]\]/g;
const EXACTLY = /^Reply with exactly: ([^]*)$/;

export interface Question {
  content: string;
  model: Model;
  options: ChatOptions;
}

/** One recorded answer, or one recorded failure that was ordered by a directive. */
export interface Take {
  /** Without directives. */
  content: string;
  /** The failure that was ordered, as `status=429`; empty: none. */
  order: string;
  modelId: string;
  json: boolean;
  /** As JSON; what asks for JSON left out. */
  options: string;
  outcome: ChatSendResult | SidecarError;
}

/** Return every answer that is recorded, with the question that it is to. */
export function takesIn(exchanges: readonly Exchange[]): Take[] {
  return exchanges.flatMap(({ method, params, response }) => {
    const { content, modelId, options } = params;
    if (typeof content !== "string") return [];
    const structured = method === "chat:send-structured";
    const asked = { content: withoutDirectives(content), order: orderIn(content), ...shapeOf(options) };
    const take = (id: unknown, outcome: Take["outcome"]): Take => ({
      ...asked,
      json: asked.json || structured,
      modelId: String(id),
      outcome,
    });
    if ("error" in response) {
      const { code, message, data } = response.error;
      return asked.order === "" ? [] : [take(modelId, errorFromWire(Number(code), String(message), data))];
    }
    if (!isObject(response.result)) return [];
    const { answer, replies } = response.result;
    if (typeof answer === "string") return [take(modelId, response.result as unknown as ChatSendResult)];
    return (Array.isArray(replies) ? (replies as Record<string, unknown>[]) : []).flatMap((each) =>
      isObject(each["reply"]) ? [take(each["modelId"], each["reply"] as unknown as ChatSendResult)] : [],
    );
  });
}

/** Return what a model says: the take that is nearest to the question, in this model's name. Throws recorded failures. */
export function playTake(takes: readonly Take[], { content, model, options }: Question): ChatSendResult | undefined {
  const plain = withoutDirectives(content);
  const shape = shapeOf(options);
  const names = [model.id, fullName(model), ...(model.aliases ?? [])];
  const order = orderIn(content);
  const nearness = (take: Take): number =>
    (take.order === order ? 1_000 : take.order === "" ? 0 : -1_000) +
    (take.json === shape.json ? 100 : 0) +
    (take.options === shape.options ? 20 : take.options === "{}" ? 10 : 0) +
    (take.content === plain ? 5 : 0) +
    (names.includes(take.modelId) ? 6 : take.modelId.startsWith(`${model.provider}/`) ? 1 : 0);
  const nearest = takes.reduce<Take | undefined>(
    (best, take) => (best === undefined || nearness(take) > nearness(best) ? take : best),
    undefined,
  );
  if (nearest === undefined) return undefined;
  const { outcome } = nearest;
  if (outcome instanceof Error) throw outcome;
  const own = names.includes(nearest.modelId);
  const { servedModel: _, notes: __, ...bare } = outcome;
  const label = own ? outcome.provider : shownName(model);
  const answer =
    (shape.json ? undefined : EXACTLY.exec(plain)?.[1]) ??
    (own ? outcome.answer : outcome.answer.split(outcome.provider).join(label))
      .split(`“${nearest.content}”`)
      .join(`“${shorten(plain)}”`);
  return { ...(own ? outcome : bare), provider: label, model: fullName(model), answer, content: answer };
}

/** The pace that a question orders, in ms between two pieces of text. */
export function paceIn(prompt: string): number | undefined {
  const [, pace] = /\[\[simulate:[^\]]*\bpace_ms=(\d+)/.exec(prompt) ?? [];
  return pace === undefined ? undefined : Number(pace);
}

/** A row of the list of models as `provider/id`, an older name included. */
export function fullName({ provider, id }: Model): string {
  return `${provider}/${id}`;
}

/** The failure that a prompt orders of the simulator. One that passes is tried again by the sidecar and never seen. */
function orderIn(prompt: string): string {
  const orders = [...prompt.matchAll(DIRECTIVE)].map(([, inside]) => inside ?? "").join(" ");
  if (/\btimes=/.test(orders)) return "";
  const [, name = "", value = ""] =
    /\b(?!\w+_)(status|quota|cut|malformed|refusal|finish)=([^\s,;]+)/.exec(orders) ?? [];
  return name === "status" ? `status=${value}` : name;
}

function withoutDirectives(prompt: string): string {
  return prompt.replace(DIRECTIVE, "").trim();
}

function shapeOf(options: unknown): Pick<Take, "json" | "options"> {
  const given = Object.entries(isObject(options) ? options : {}).filter(([, value]) => value ?? false);
  const others = given.filter(([name]) => name !== "jsonMode");
  return {
    json: given.some(([name]) => name === "jsonMode" || name === "jsonSchema"),
    options: JSON.stringify(Object.fromEntries(others)),
  };
}

/** The row of an older name has that name behind the model's own, which is not shown above an answer. */
function shownName({ id, name }: Model): string {
  return name.replace(` (${id})`, "");
}

/** A line of at most 80 characters. */
function shorten(text: string): string {
  const line = text.replace(/\s+/g, " ");
  return line.length <= 80 ? line : `${line.slice(0, 79)}…`;
}
