import type { ChatOptions, ChatSendParams, ChatSendResult, CompareReply, ErrorObject } from "../contract.js";
import type { Model, ProgressValue } from "../contract.js";
import { cancelled, errorFromWire, SidecarError } from "../errors.js";
import { requireKey } from "./settings.js";
import type { Handlers, Progress, Store } from "./store.js";
import { closestReply, fullName, orderedMs } from "./replies.js";
import { addMessage, type Turn, turnFor } from "./turns.js";

export const CHAT: Handlers = {
  "chat:send": (store, params, progress) =>
    ask(store, params, optionsOf(params), turnFor(store, params, [params.modelId]), progress),
  "chat:send-structured": (store, params, progress) => {
    const options = { ...optionsOf(params), jsonMode: true };
    return ask(store, params, options, turnFor(store, params, [params.modelId]), progress);
  },
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
    return { turnId: turn?.turnId ?? store.uuid(), replies: await Promise.all(replies) };
  },
  "chat:abort": (store, { conversationId }) => ({ aborted: store.stopStreams(conversationId) }),
};

/** What was asked for; null means absent. */
function optionsOf({ options, systemPrompt }: Pick<ChatSendParams, "options" | "systemPrompt">): ChatOptions {
  const all = Object.entries({ ...options, ...(systemPrompt ? { systemPrompt } : {}) });
  return Object.fromEntries(all.filter(([, value]) => value !== null && value !== undefined));
}

/** One model's part of a turn: streams it and stores it. */
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
  const name = fullName(model);
  try {
    const startedAt = store.now();
    const reply = answerOf(store, content, model, options);
    const arrived = await stream(
      store,
      reply,
      turn,
      orderedMs(content, "pace_ms") ?? store.pace.delayMs,
      progress,
    );
    const whole = arrived === reply.answer;
    const { id, timestamp } = storeAnswer(store, reply, turn, arrived) ?? {
      id: store.uuid(),
      timestamp: store.now(),
    };
    if (!whole) throw cancelled();
    const { usage, costUSD } = reply;
    progress?.({ type: "done", usage, ...(costUSD === undefined ? {} : { costUSD }) });
    return { ...reply, id, timestamp, latencyMs: timestamp - startedAt };
  } finally {
    turn?.release(name);
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
    throw errorFromWire(error.code, error.message, { ...error.data, model: fullName(model) });
  }
}

/** Store what had arrived. Of an answer that was stopped before it began there is nothing to keep. */
function storeAnswer(
  store: Store,
  { provider, model, usage, costUSD, answer, finishReason }: ChatSendResult,
  turn: Turn | undefined,
  arrived: string,
): { id: string; timestamp: number } | undefined {
  if (turn === undefined || arrived === "") return undefined;
  const cost = { cost: costUSD ?? null, tokensIn: usage.prompt_tokens, tokensOut: usage.completion_tokens };
  return addMessage(store, turn.conversation, {
    ...{ role: "assistant", content: arrived, provider, model, turnId: turn.turnId },
    ...(arrived === answer ? { ...cost, finishReason } : { finishReason: "cancelled" }),
  });
}

/** Send the text piece by piece; return what had arrived when it ended or was stopped. */
async function stream(
  store: Store,
  { answer }: ChatSendResult,
  turn: Turn | undefined,
  delayMs: number,
  progress: Progress,
): Promise<string> {
  const running = { conversationId: turn?.conversation.id, stopped: false };
  store.streams.add(running);
  let arrived = "";
  for (const text of piecesOf(answer)) {
    if (delayMs > 0) await store.pause(delayMs);
    if (running.stopped) break;
    arrived += text;
    progress?.({ type: "text", text });
  }
  store.streams.delete(running);
  return arrived;
}

/** Cut a text into the pieces in which the recordings stream: one word, two words, one word, and so on. */
function piecesOf(text: string): string[] {
  const found = text.matchAll(/(\s*\S+)((?:\s+\S+){1,2})?|\s+$/g);
  return [...found].flatMap(([whole, one, two]) => [one ?? whole, ...(two === undefined ? [] : [two])]);
}

function wireError({ code, message, retryable, data }: SidecarError): ErrorObject {
  return { code, message, data: { retryable, ...data } as ErrorObject["data"] };
}
