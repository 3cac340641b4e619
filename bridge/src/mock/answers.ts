import type { BatchResult, ChatOptions, ChatSendResult, Model } from "../contract.js";
import { isObject } from "../replay.js";
import type { Backend } from "./backend.js";
import { composedAnswer } from "./composing.js";
import type { Material } from "./material.js";

export interface Question {
  content: string;
  /** As it was asked for. */
  modelId: string;
  options: ChatOptions;
}

/** What a model says: a reply without what is different each time. */
export type Answer = Pick<
  ChatSendResult,
  "answer" | "usage" | "provider" | "finishReason" | "costUSD" | "notes" | "thinking" | "citations"
>;

/** The recorded answer to exactly this question; failing that one in the manner of the recordings. */
export function answerTo(backend: Backend, question: Question, model: Model): Answer {
  return recordedAnswer(question, backend.material) ?? composedAnswer(backend, question, model);
}

function recordedAnswer({ content, modelId, options }: Question, material: Material): Answer | undefined {
  const { jsonMode, ...rest } = options;
  const own = material.results("chat:send", asParams({ content, modelId, options }));
  // What `chat:send-structured` adds by itself is not in its recorded params.
  const structured =
    jsonMode === true
      ? material.results("chat:send-structured", asParams({ content, modelId, options: rest }))
      : [];
  for (const result of [...own, ...structured]) return result as Answer;
  if (asksForJson(options)) return undefined;
  for (const reply of repliesOf(material)) {
    if (reply.content === content && reply.modelId === modelId) return reply.answer;
  }
  return undefined;
}

function asParams({ content, modelId, options }: Question): Record<string, unknown> {
  return Object.keys(options).length === 0 ? { content, modelId } : { content, modelId, options };
}

/** What came of exactly this row in a recorded batch. */
export function recordedRow(
  prompt: string,
  model: string,
  material: Material,
): Partial<BatchResult> | undefined {
  for (const { method, response } of material.exchanges) {
    if (method !== "batch:get-results" || !("result" in response) || !Array.isArray(response.result))
      continue;
    for (const row of response.result as Partial<BatchResult>[]) {
      const whole =
        row.status === "success" && typeof row.cost_usd === "number" && row.response?.includes(prompt);
      if (whole === true && row.prompt === prompt && row.model === model) return row;
    }
  }
  return undefined;
}

export interface RecordedReply {
  content: string;
  modelId: string;
  answer: ChatSendResult;
}

/** Every answer in the recordings with the question that it is to. */
export function* repliesOf(material: Material): Generator<RecordedReply> {
  for (const { params, response } of material.exchanges) {
    const content = params["content"];
    const result = "result" in response ? response.result : undefined;
    if (typeof content !== "string" || !isObject(result)) continue;
    const options = params["options"];
    if (isObject(options) && asksForJson(options)) continue;
    if (typeof result["answer"] === "string") {
      yield { content, modelId: String(params["modelId"]), answer: result as unknown as ChatSendResult };
    }
    for (const each of Array.isArray(result["replies"]) ? (result["replies"] as unknown[]) : []) {
      if (isObject(each) && isObject(each["reply"])) {
        yield {
          content,
          modelId: String(each["modelId"]),
          answer: each["reply"] as unknown as ChatSendResult,
        };
      }
    }
  }
}

export const EXACTLY = /^Reply with exactly: ([^]*)$/;

export function asksForJson(options: ChatOptions): boolean {
  return options.jsonMode === true || (options.jsonSchema !== undefined && options.jsonSchema !== null);
}
