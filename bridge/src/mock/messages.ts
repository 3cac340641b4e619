import type { MessageHit } from "../contract.js";
import { contractError } from "../errors.js";
import type { Handlers } from "./store.js";
import { addMessage } from "./turns.js";

const NO_CONVERSATION = "There is no such conversation to add the message to. Create it first.";
const NO_MESSAGE = "The message to list from is not in this conversation. Load the list again.";

export const MESSAGES: Handlers = {
  "messages:add": (store, { conversationId, ...message }) => {
    const conversation = store.state.conversations.find(({ id }) => id === conversationId);
    if (conversation === undefined) throw contractError("not_found", NO_CONVERSATION, { retryable: false });
    return addMessage(store, conversation, message as Parameters<typeof addMessage>[2]);
  },
  "messages:list": ({ state }, { conversationId, limit, before }) => {
    const all = state.messages.filter((each) => each.conversationId === conversationId);
    const end = typeof before === "string" ? all.findIndex(({ id }) => id === before) : all.length;
    if (end < 0) throw contractError("not_found", NO_MESSAGE, { retryable: false });
    return all.slice(Math.max(0, end - (limit ?? end)), end);
  },
  /** Find the messages that hold all the words, of the last one the beginning; the shortest come first. */
  "messages:search": ({ state }, { query, projectId, limit, cursor }) => {
    const words = query.match(/[\p{L}\p{N}]+/gu) ?? [];
    const patterns = words.map((word, index) =>
      index < words.length - 1 ? `${word}(?![\\p{L}\\p{N}])` : `${word}[\\p{L}\\p{N}]*`,
    );
    const hits = state.messages.flatMap((message): MessageHit[] => {
      const conversation = state.conversations.find(({ id }) => id === message.conversationId);
      const elsewhere = typeof projectId === "string" && conversation?.projectId !== projectId;
      const found = patterns.every((pattern) => wordLike(pattern).test(message.content));
      if (conversation === undefined || elsewhere || !found || words.length === 0) return [];
      const snippet = message.content.replace(wordLike(patterns.join("|")), "**$&**");
      return [{ message, conversation, snippet }];
    });
    hits.reverse().sort((one, other) => one.message.content.length - other.message.content.length);
    const start = Number(cursor ?? 0) || 0;
    const end = start + (limit ?? 50);
    return { items: hits.slice(start, end), ...(end < hits.length ? { nextCursor: String(end) } : {}) };
  },
};

function wordLike(pattern: string): RegExp {
  return new RegExp(`(?<![\\p{L}\\p{N}])(?:${pattern})`, "giu");
}
