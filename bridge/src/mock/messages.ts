import type { Message, MessageHit } from "../contract.js";
import { contractError } from "../errors.js";
import type { HandlersOf } from "./backend.js";

const SNIPPET_WORDS = 24;

export const MESSAGES: HandlersOf<"messages"> = {
  "messages:add": (backend, params) => {
    const { state } = backend;
    const conversation = state.conversations.find(({ id }) => id === params.conversationId);
    if (conversation === undefined) {
      const message = "There is no such conversation to add the message to. Create it first.";
      throw contractError("not_found", message, { retryable: false });
    }
    const id = backend.uuid();
    const question = state.messages.findLast(
      (each) => each.conversationId === conversation.id && each.role === "user",
    );
    const message: Message = {
      id,
      conversationId: conversation.id,
      role: params.role,
      content: params.content,
      provider: params.provider ?? null,
      model: params.model ?? null,
      cost: params.cost ?? null,
      tokensIn: params.tokensIn ?? null,
      tokensOut: params.tokensOut ?? null,
      timestamp: backend.now(),
      turnId: params.role === "user" ? id : (question?.id ?? id),
    };
    conversation.lastUsed = message.timestamp;
    state.messages.push(message);
    return message;
  },
  "messages:list": ({ state }, { conversationId, limit, before }) => {
    const all = state.messages.filter((each) => each.conversationId === conversationId);
    const end =
      before === undefined || before === null ? all.length : all.findIndex(({ id }) => id === before);
    if (end < 0) {
      const message = "The message to list from is not in this conversation. Load the list again.";
      throw contractError("not_found", message, { retryable: false });
    }
    const older = all.slice(0, end);
    return limit === undefined || limit === null ? older : older.slice(Math.max(0, older.length - limit));
  },
  "messages:search": ({ state }, { query, projectId, limit, cursor }) => {
    const words = wordsOf(query);
    const hits = state.messages.flatMap((message): MessageHit[] => {
      const conversation = state.conversations.find(({ id }) => id === message.conversationId);
      const elsewhere = typeof projectId === "string" && conversation?.projectId !== projectId;
      if (conversation === undefined || elsewhere || !matches(message.content, words)) return [];
      return [{ message, conversation, snippet: snippetOf(message.content, words) }];
    });
    // The shorter a message, the better it fits; of those alike the newest comes first.
    const length = ({ message }: MessageHit): number => wordsOf(message.content).length;
    const best = hits.reverse().sort((one, other) => length(one) - length(other));
    const start = Number(cursor ?? 0) || 0;
    const end = start + (limit ?? 50);
    return {
      items: best.slice(start, end),
      ...(end < hits.length ? { nextCursor: String(end) } : {}),
    };
  },
};

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** Whether a text has all the words; of the last one the beginning is enough. */
function matches(content: string, words: readonly string[]): boolean {
  const own = wordsOf(content);
  if (words.length === 0) return false;
  return words.every((word, index) =>
    own.some((each) => (index === words.length - 1 ? each.startsWith(word) : each === word)),
  );
}

/** The words around the first one that was searched for, and all of those between stars. */
function snippetOf(content: string, words: readonly string[]): string {
  const last = words.at(-1) ?? "";
  const found = [...content.matchAll(/[\p{L}\p{N}]+/gu)].map(({ 0: word, index }) => {
    const lower = word.toLowerCase();
    return { from: index, to: index + word.length, hit: words.includes(lower) || lower.startsWith(last) };
  });
  const first = found.findIndex(({ hit }) => hit);
  const begin = first < SNIPPET_WORDS ? 0 : first;
  const shown = found.slice(begin, begin + SNIPPET_WORDS);
  const from = begin === 0 ? 0 : (shown[0]?.from ?? 0);
  const to = begin + SNIPPET_WORDS < found.length ? (shown.at(-1)?.to ?? content.length) : content.length;
  let text = "";
  let at = from;
  for (const word of shown.filter(({ hit }) => hit)) {
    text += `${content.slice(at, word.from)}**${content.slice(word.from, word.to)}**`;
    at = word.to;
  }
  return `${from > 0 ? "…" : ""}${text}${content.slice(at, to)}${to < content.length ? "…" : ""}`;
}
