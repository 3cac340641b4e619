import type { ChatOptions, ChatSendParams, ChatSendResult, CompareReply, ErrorObject } from "../contract.js";
import type { Message, Model, ProgressValue } from "../contract.js";
import { cancelled, SidecarError } from "../errors.js";
import { addMessage, type Turn, turnFor } from "./conversations.js";
import { requireKey } from "./saved.js";
import type { Handlers, Progress, Store } from "./store.js";
import { closestReply, fullName, orderedMs } from "./replies.js";

export const CHAT: Handlers = {
  "chat:send": (store, params, progress) =>
    ask(store, params, optionsOf(params), turnFor(store, params, [params.modelId]), progress),
  "chat:send-structured": (store, params, progress) =>
    CHAT["chat:send"]?.(store, { ...params, options: { ...params.options, jsonMode: true } }, progress),
  "chat:compare": async (store, params, progress) => {
    const turn = turnFor(store, params, params.modelIds);
    const replies = params.modelIds.map(async (modelId): Promise<CompareReply> => {
      try {
        const told = (value: ProgressValue): void => progress?.({ ...value, modelId });
        return { modelId, reply: await ask(store, { ...params, modelId }, optionsOf(params), turn, told) };
      } catch (error) {
        if (!(error instanceof SidecarError)) throw error;
        return { modelId, error: wireError(error) };
      }
    });
    return { turnId: turn?.question.id ?? store.uuid(), replies: await Promise.all(replies) };
  },
  "chat:abort": (store, { conversationId }) => ({ aborted: store.stopStreams(conversationId) }),
};

function optionsOf({ options, systemPrompt }: Pick<ChatSendParams, "options" | "systemPrompt">): ChatOptions {
  return { ...options, ...(systemPrompt ? { systemPrompt } : {}) };
}

/** One model's part of a turn: streams it and stores what had arrived of it. */
async function ask(
  store: Store,
  { content, modelId }: Pick<ChatSendParams, "content" | "modelId">,
  options: ChatOptions,
  turn: Turn | undefined,
  progress: Progress,
): Promise<ChatSendResult> {
  if (content.trim() === "")
    throw store.fixtures.error("invalid_params", { method: "chat:send", says: "empty" });
  const model = store.model(modelId);
  const startedAt = store.now();
  let arrived = "";
  try {
    const reply = answerOf(store, content, model, options);
    for await (const text of stream(store, reply, turn, orderedMs(content, "pace_ms") ?? store.pace.delayMs)) {
      arrived += text;
      progress?.({ type: "text", text });
    }
    const stored = arrived === "" ? undefined : storeAnswer(store, reply, turn, arrived);
    const { id, timestamp } = stored ?? { id: store.uuid(), timestamp: store.now() };
    if (arrived !== reply.answer) throw cancelled();
    const { usage, costUSD } = reply;
    progress?.({ type: "done", usage, ...(costUSD === undefined ? {} : { costUSD }) });
    return { ...reply, id, timestamp, latencyMs: timestamp - startedAt };
  } finally {
    // Of a model that failed there is nothing: the same question to it joins this turn once more.
    if (arrived === "") turn?.asked.delete(fullName(model));
  }
}

/** Return the recorded answer that is nearest. Throws what is recorded of keys, and of failures on demand. */
export function answerOf(store: Store, content: string, model: Model, options: ChatOptions): ChatSendResult {
  const { provider } = model;
  try {
    requireKey(store, provider);
    // Without any recording the contract's example stands in.
    const example = (): ChatSendResult => store.play("chat:send", {}) as ChatSendResult;
    return closestReply(store.replies, content, model, options) ?? example();
  } catch (error) {
    if (!(error instanceof SidecarError)) throw error;
    if (error.kind === "invalid_api_key") store.emit("settings:invalidKey", { provider });
    const data = { ...error.data, model: fullName(model) } as ErrorObject["data"];
    throw store.fixtures.revive({ code: error.code, message: error.message, data });
  }
}

function storeAnswer(
  store: Store,
  { provider, model, usage, costUSD, answer, finishReason }: ChatSendResult,
  turn: Turn | undefined,
  arrived: string,
): Message | undefined {
  if (turn === undefined) return undefined;
  const cost = { cost: costUSD ?? null, tokensIn: usage.prompt_tokens, tokensOut: usage.completion_tokens };
  return addMessage(store, turn.conversation, {
    ...{ role: "assistant", content: arrived, provider, model, turnId: turn.question.id },
    ...(arrived === answer ? { ...cost, finishReason } : { finishReason: "cancelled" }),
  });
}

/** Give the text piece by piece, until its end or until it is stopped. */
async function* stream(
  store: Store,
  { answer }: ChatSendResult,
  turn: Turn | undefined,
  delayMs: number,
): AsyncGenerator<string> {
  const running = { conversationId: turn?.conversation.id, stopped: false };
  store.streams.add(running);
  try {
    for (const text of piecesOf(answer)) {
      if (delayMs > 0) await store.pause(delayMs);
      if (running.stopped) return;
      yield text;
    }
  } finally {
    store.streams.delete(running);
  }
}

/** Cut a text into the pieces in which the recordings stream: one word, two words, one word, and so on. */
function piecesOf(text: string): string[] {
  const found = text.matchAll(/(\s*\S+)((?:\s+\S+){1,2})?|\s+$/g);
  return [...found].flatMap(([whole, one, two]) => [one ?? whole, ...(two === undefined ? [] : [two])]);
}

function wireError({ code, message, retryable, data }: SidecarError): ErrorObject {
  return { code, message, data: { retryable, ...data } as ErrorObject["data"] };
}
