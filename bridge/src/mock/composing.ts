import type { Model } from "../contract.js";
import { isObject } from "../replay.js";
import { type Answer, asksForJson, EXACTLY, type Question, repliesOf } from "./answers.js";
import type { Backend } from "./backend.js";
import { withoutDirectives } from "./directives.js";
import type { Material } from "./material.js";
import { costOfUsage } from "./money.js";
import { sampleOf, type Schema } from "./schema.js";
import { firstTokens, hash, promptTokens, shorten, tokensIn, tryParse } from "./text.js";

// What a reasoning model spends before it speaks, by its effort.
const EFFORT_TOKENS = {
  none: 0,
  minimal: 16,
  low: 64,
  medium: 128,
  high: 256,
  xhigh: 512,
  max: 1024,
} as const;

const CITATIONS = [{ title: "A simulated page", url: "https://example.com/simulated" }];

/** An answer in the manner of the recordings, with the tokens, the limit and the price of the model that answers. */
export function composedAnswer(backend: Backend, question: Question, model: Model): Answer {
  const { options } = question;
  const content = withoutDirectives(question.content);
  const { settings } = backend.state;
  const served = backend.serving(model);
  const can = (feature: Model["features"][number]): boolean => served.features.includes(feature);
  const text =
    EXACTLY.exec(content)?.[1] ??
    (asksForJson(options)
      ? jsonAnswer(content, options, served)
      : inTheManner(content, served, backend.material));
  const effort = EFFORT_TOKENS[options.reasoningEffort ?? settings.reasoningEffort];
  const reasoning = can("reasoning") && effort > 0 ? effort + (hash(served.id + content) % 32) : 0;
  const limit = (options.maxOutputTokens ?? settings.maxOutputTokens) || Infinity;
  const wanted = reasoning + Math.max(1, tokensIn(text));
  const cut = wanted > limit;
  const usage = {
    prompt_tokens: promptTokens(content + (options.systemPrompt ?? "")),
    completion_tokens: Math.min(wanted, limit),
    ...(reasoning > 0 ? { reasoning_tokens: Math.min(reasoning, limit) } : {}),
  };
  const costUSD = costOfUsage(served, usage);
  // What a request asks by name was checked before; what only a setting wants is left out and told.
  const thinks = options.enableExtendedThinking ?? settings.enableExtendedThinking;
  const searches = options.enableWebSearch ?? settings.enableWebSearch;
  const leftOut = [
    searches && !can("web_search") ? "cannot search the web, so web search was left out." : "",
    thinks && !can("extended_thinking")
      ? "does not show its thinking, so extended thinking was left out."
      : "",
  ].flatMap((words) => (words === "" ? [] : [`${served.id} ${words}`]));
  return {
    answer: cut ? firstTokens(text, limit - reasoning) : text,
    usage,
    finishReason: cut ? "length" : "stop",
    ...labelled(backend, model, served, leftOut),
    ...(costUSD === undefined ? {} : { costUSD }),
    ...(thinks && can("extended_thinking") ? { thinking: thinkingOn(content, served) } : {}),
    ...(searches && can("web_search") ? { citations: CITATIONS } : {}),
  };
}

/** The name above an answer, and what is said beside it: that another model answers, what only a setting wanted. */
function labelled(
  backend: Backend,
  model: Model,
  served: Model,
  leftOut: readonly string[],
): Pick<Answer, "provider" | "notes"> {
  const asked = shownName(model);
  const ended = served !== model && backend.hasEnded(model);
  const when = model.retiresOn === undefined ? "" : ` on ${model.retiresOn}`;
  const retired = `${asked} was retired${when}. ${served.name} answers in its place, at its own price.`;
  const notes = [...(ended ? [retired] : []), ...leftOut];
  const instead = ended ? `for the retired ${asked}` : `in place of ${asked}`;
  return {
    provider: served === model ? asked : `${served.name}, ${instead}`,
    ...(notes.length > 0 ? { notes } : {}),
  };
}

function thinkingOn(content: string, served: Model): string {
  return `[simulated ${shownName(served)}] The question is “${shorten(content)}”. No thought was spent on it.`;
}

/** Sentences of the recorded texts with this question and this model in them, the same for the same question. */
function inTheManner(content: string, model: Model, material: Material): string {
  const quoted = shorten(content);
  const texts = [...repliesOf(material)].flatMap((reply) => {
    const { answer, provider } = reply.answer;
    // The parts are put together anew rather than replaced: a question may hold what looks like a replacement.
    const text = answer.split(provider).join(shownName(model)).split(`“${reply.content}”. `);
    const [opening, rest] = text;
    const closing = rest?.lastIndexOf(". ") ?? -1;
    return opening === undefined || rest === undefined || closing < 0
      ? []
      : [[opening, rest.slice(0, closing + 1), rest.slice(closing + 2)]];
  });
  const pick = (place: number): string =>
    texts[hash(`${place} ${model.id} ${content}`) % texts.length]?.[place] ?? "";
  if (texts.length === 0) return `[simulated ${shownName(model)}] On “${quoted}”.`;
  return `${pick(0)}“${quoted}”. ${pick(1)} ${pick(2)}`;
}

function jsonAnswer(content: string, { jsonSchema }: Question["options"], served: Model): string {
  const schema: unknown = typeof jsonSchema === "string" ? tryParse(jsonSchema) : jsonSchema;
  const plain = { simulated: true, model: shownName(served), question: shorten(content) };
  return JSON.stringify(isObject(schema) ? sampleOf(schema as Schema) : plain);
}

/** The row of an older name has that name behind the model's own, which is not shown above an answer. */
function shownName({ id, name }: Model): string {
  return name.replace(` (${id})`, "");
}
