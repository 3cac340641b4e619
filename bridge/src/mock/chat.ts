import type {
  ChatOptions,
  ChatSendParams,
  ChatSendResult,
  CompareReply,
  ErrorObject,
  Model,
  ProgressValue,
} from "../contract.js";
import { cancelled, SidecarError } from "../errors.js";
import { checkOptions } from "./abilities.js";
import { type Answer, answerTo, asksForJson } from "./answers.js";
import { type Backend, fullName, type HandlersOf, nameOf } from "./backend.js";
import { keepToBudget } from "./budget.js";
import { directivesIn, errorOfStatus } from "./directives.js";
import { costOf } from "./money.js";
import { checkKey } from "./keys.js";
import { piecesOf, promptTokens, tryParse } from "./text.js";
import { type Turn, turnFor } from "./turns.js";

type Progress = Parameters<HandlersOf<"chat">["chat:send"]>[2];

export const CHAT: HandlersOf<"chat"> = {
  "chat:send": (backend, params, progress) => {
    const options = optionsOf(params.options, params.systemPrompt);
    return ask(backend, params, options, turnFor(backend, params, [params.modelId]), progress);
  },
  "chat:send-structured": (backend, params, progress) => {
    const options = { ...optionsOf(params.options, params.systemPrompt), jsonMode: true };
    return ask(backend, params, options, turnFor(backend, params, [params.modelId]), progress);
  },
  "chat:compare": async (backend, params, progress) => {
    const options = optionsOf(params.options, params.systemPrompt);
    const turn = turnFor(backend, params, params.modelIds);
    const replies = params.modelIds.map(async (modelId): Promise<CompareReply> => {
      try {
        const told = (value: ProgressValue): void => progress?.({ ...value, modelId });
        return { modelId, reply: await ask(backend, { ...params, modelId }, options, turn, told) };
      } catch (error) {
        if (!(error instanceof SidecarError)) throw error;
        return { modelId, error: wireError(error) };
      }
    });
    return { turnId: turn?.turnId ?? backend.uuid(), replies: await Promise.all(replies) };
  },
  "chat:abort": (backend, { conversationId }) => ({ aborted: backend.abort({ conversationId }) }),
};

/** What was asked for; null means absent. */
function optionsOf(
  options: ChatOptions | null | undefined,
  systemPrompt: string | null | undefined,
): ChatOptions {
  const all = Object.entries({ ...options, ...(systemPrompt ? { systemPrompt } : {}) });
  return Object.fromEntries(all.filter(([, value]) => value !== null && value !== undefined));
}

/** One model's part of a turn: streams it, stores it, counts it. */
async function ask(
  backend: Backend,
  params: Pick<ChatSendParams, "content" | "modelId">,
  options: ChatOptions,
  turn: Turn | undefined,
  progress: Progress,
): Promise<ChatSendResult> {
  const { content, modelId } = params;
  refuseEmpty(backend, content);
  const model = backend.model(modelId);
  const served = backend.serving(model);
  try {
    checkKey(backend, served.provider, fullName(model));
    checkOptions(options, served);
    const mayUse = { tokensIn: promptTokens(content), tokensOut: 8_192 };
    keepToBudget(backend, "answer", costOf(served.pricing, mayUse) ?? 0);
    const orders = directivesIn(content);
    if (orders.status !== undefined) throw errorOfStatus(orders.status, model);
    const answer = answerTo(backend, { content, modelId, options }, model);
    const startedAt = backend.now();
    const delayMs = orders.paceMs ?? backend.pace.delayMs;
    const arrived = await stream(backend, answer, turn, delayMs, progress);
    const whole = arrived === answer.answer;
    const { id, at } = keep(backend, { model, served, turn, answer, arrived, whole });
    if (!whole) throw cancelled();
    const { usage, costUSD } = answer;
    const json = asksForJson(options) ? parsed(backend, answer.answer) : undefined;
    progress?.({ type: "done", usage, ...(costUSD === undefined ? {} : { costUSD }) });
    const shown = arrived === "" ? insteadOfText(answer) : arrived;
    return {
      id,
      answer: shown,
      content: shown,
      role: "assistant",
      promptTokens: usage.prompt_tokens,
      answerTokens: usage.completion_tokens,
      usage,
      provider: answer.provider,
      model: fullName(model),
      timestamp: at,
      latencyMs: at - startedAt,
      finishReason: answer.finishReason,
      ...(served === model ? {} : { servedModel: nameOf(served) }),
      ...(costUSD === undefined ? {} : { costUSD, cost: costUSD }),
      ...(json === undefined ? {} : { json }),
      ...(answer.notes === undefined ? {} : { notes: answer.notes }),
      ...(answer.thinking === undefined ? {} : { thinking: answer.thinking }),
      ...(answer.citations === undefined ? {} : { citations: answer.citations }),
    };
  } finally {
    turn?.release(fullName(model));
  }
}

interface Ended {
  model: Model;
  served: Model;
  turn: Turn | undefined;
  answer: Answer;
  arrived: string;
  whole: boolean;
}

/** Stores what had arrived and counts the call. What a stopped answer cost is not known. */
function keep(
  backend: Backend,
  { model, served, turn, answer, arrived, whole }: Ended,
): { id: string; at: number } {
  const id = backend.uuid();
  const at = backend.now();
  const { usage, costUSD } = answer;
  const projectId = turn?.conversation.projectId ?? backend.state.currentProject;
  const used = whole ? { tokensIn: usage.prompt_tokens, tokensOut: usage.completion_tokens } : undefined;
  backend.state.calls.push({
    at,
    model: nameOf(served),
    projectId,
    ...(turn === undefined ? {} : { conversationId: turn.conversation.id }),
    ...(used ?? { tokensIn: 0, tokensOut: 0 }),
    cost: whole ? costUSD : undefined,
  });
  // Of an answer that was stopped before it began there is nothing to keep.
  if (turn === undefined || (!whole && arrived === "")) return { id, at };
  turn.conversation.lastUsed = at;
  backend.state.messages.push({
    id,
    conversationId: turn.conversation.id,
    role: "assistant",
    content: arrived,
    provider: answer.provider,
    model: fullName(model),
    cost: (whole ? costUSD : undefined) ?? null,
    ...(used ?? { tokensIn: null, tokensOut: null }),
    timestamp: at,
    turnId: turn.turnId,
    finishReason: whole ? answer.finishReason : "cancelled",
    ...(answer.thinking === undefined ? {} : { thinking: answer.thinking }),
    ...(answer.citations === undefined ? {} : { citations: answer.citations }),
  });
  return { id, at };
}

/** Sends the text piece by piece; gives what had arrived when it ended or was stopped. */
async function stream(
  backend: Backend,
  { answer, thinking }: Answer,
  turn: Turn | undefined,
  delayMs: number,
  progress: Progress,
): Promise<string> {
  const where = turn === undefined ? {} : { conversationId: turn.conversation.id };
  const running = { ...where, abort: new AbortController() };
  backend.running.add(running);
  let arrived = "";
  if (thinking !== undefined) progress?.({ type: "thinking", text: thinking });
  try {
    for (const text of piecesOf(answer)) {
      if (delayMs > 0) await backend.pause(delayMs, running.abort.signal);
      if (running.abort.signal.aborted) break;
      arrived += text;
      progress?.({ type: "text", text });
    }
  } finally {
    backend.running.delete(running);
  }
  return arrived;
}

function refuseEmpty(backend: Backend, content: string): void {
  if (content.trim() === "") throw backend.material.error("invalid_params", "chat:send");
}

/** An answer without text is shown as a sentence: the renderer cannot show nothing. */
function insteadOfText({ finishReason, usage }: Answer): string {
  if (finishReason !== "length") return "[The model answered with no text.]";
  const all = usage.completion_tokens.toLocaleString("en-US");
  return `[No text: the model used all ${all} tokens before it wrote any. Raise the maximum answer length.]`;
}

function parsed(backend: Backend, answer: string): unknown {
  const json = tryParse(answer);
  if (json === undefined) throw backend.material.error("invalid_output", "chat:send-structured");
  return json;
}

function wireError(error: SidecarError): ErrorObject {
  return {
    code: error.code,
    message: error.message,
    data: { retryable: error.retryable, ...error.data } as ErrorObject["data"],
  };
}
