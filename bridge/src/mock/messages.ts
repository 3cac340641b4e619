import type { Handlers } from "./store.js";
import { addMessage } from "./turns.js";

export const MESSAGES: Handlers = {
  "messages:add": (store, { conversationId, ...message }) => {
    const conversation = store.find(store.conversations, conversationId, "messages:add");
    return addMessage(store, conversation, message as Parameters<typeof addMessage>[2]);
  },
  "messages:list": (store, { conversationId, limit, before }) => {
    const all = store.messages.filter((each) => each.conversationId === conversationId);
    const found = all.findIndex(({ id }) => id === before);
    const end = found < 0 ? all.length : found;
    return all.slice(Math.max(0, end - (limit ?? end)), end);
  },
};
