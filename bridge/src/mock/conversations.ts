import type { ChatSendParams, Conversation, Message } from "../contract.js";
import { openProject, openedBy } from "./projects.js";
import { fullName, shorten } from "./replies.js";
import { hasKey } from "./saved.js";
import { type Handlers, newestFirst, type Store } from "./store.js";

export const CONVERSATIONS: Handlers = {
  "conversation:create": (store, { projectId, name, id }) => {
    openedBy(store, projectId, "conversation:create");
    if (store.conversations.some((each) => each.id === id)) {
      throw store.fixtures.error("conflict", { method: "conversation:create" });
    }
    return addConversation(store, id ?? store.uuid(), name ?? "New conversation", projectId);
  },
  "conversation:list": (store, { projectId, cursor }) => {
    const own = store.conversations.filter((each) => each.projectId === projectId);
    // All of it is on the first page.
    return typeof cursor === "string" ? [] : newestFirst(own, ({ lastUsed }) => lastUsed);
  },
  "conversation:rename": (store, { id, name }) =>
    Object.assign(store.find(store.conversations, id, "conversation:delete"), { name }),
  "conversation:delete": (store, { id }) => {
    store.find(store.conversations, id, "conversation:delete");
    dropConversation(store, id);
    return null;
  },
  "messages:add": (store, { conversationId, ...message }) => {
    const conversation = store.find(store.conversations, conversationId, "messages:add");
    return addMessage(store, conversation, message as NewMessage);
  },
  "messages:list": (store, { conversationId, limit, before }) => {
    const all = store.messages.filter((each) => each.conversationId === conversationId);
    const found = all.findIndex(({ id }) => id === before);
    const end = found < 0 ? all.length : found;
    return all.slice(Math.max(0, end - (limit ?? end)), end);
  },
};

/** A question in a conversation, and the models that it was sent to, but for those that failed. */
export interface Turn {
  conversation: Conversation;
  question: Message;
  asked: Set<string>;
}

type NewMessage = Pick<Message, "role" | "content"> & Partial<Message>;

/** The turn that a question opens or joins, its conversation made on the spot. None without a conversation. */
export function turnFor(
  store: Store,
  { conversationId: id, content }: Pick<ChatSendParams, "conversationId" | "content">,
  modelIds: readonly string[],
): Turn | undefined {
  const able = modelIds.flatMap((modelId) => store.findModel(modelId) ?? []);
  const names = able.filter(({ provider }) => hasKey(store, provider)).map(fullName);
  // A question that nobody can be asked opens nothing.
  if (!id || content.trim() === "" || names.length === 0) return undefined;
  const own = id === "null" ? store.unnamed : id;
  const newest = store.turns.findLast(({ conversation }) => conversation.id === own);
  const joins = newest?.question.content === content && !names.some((name) => newest.asked.has(name));
  const turn = newest !== undefined && joins ? newest : openTurn(store, id, content);
  for (const name of names) turn.asked.add(name);
  return turn;
}

function openTurn(store: Store, id: string, content: string): Turn {
  if (id === "null") store.unnamed = store.uuid();
  const own = id === "null" ? (store.unnamed ?? id) : id;
  const known = store.conversations.find((each) => each.id === own);
  const conversation = known ?? addConversation(store, own, nameFrom(content), openProject(store).id);
  const question = addMessage(store, conversation, { role: "user", content });
  const turn = { conversation, question, asked: new Set<string>() };
  store.turns.push(turn);
  return turn;
}

function addConversation(store: Store, id: string, name: string, projectId: string): Conversation {
  const at = store.now();
  const conversation = { id, projectId, name, createdAt: at, lastUsed: at };
  store.conversations.push(conversation);
  return conversation;
}

/** Store a message; one of the person's begins a turn, others are of the newest one unless they say which. */
export function addMessage(store: Store, conversation: Conversation, message: NewMessage): Message {
  const id = store.uuid();
  const said = store.messages.filter(({ conversationId }) => conversationId === conversation.id);
  const question = message.role === "user" ? undefined : said.findLast(({ role }) => role === "user");
  const nobody = { provider: null, model: null, cost: null, tokensIn: null, tokensOut: null };
  const added: Message = {
    ...{ id, conversationId: conversation.id, ...nobody, timestamp: store.now(), turnId: question?.id ?? id },
    ...message,
  };
  conversation.lastUsed = added.timestamp;
  store.messages.push(added);
  return added;
}

/** Delete a conversation, and stop what streams into it. */
export function dropConversation(store: Store, id: string): void {
  store.stopStreams(id);
  store.conversations = store.conversations.filter((each) => each.id !== id);
  store.messages = store.messages.filter(({ conversationId }) => conversationId !== id);
  store.turns = store.turns.filter(({ conversation }) => conversation.id !== id);
}

/** A conversation's name: the first line that says something, at most 60 characters. */
function nameFrom(content: string): string {
  const line = content.split("\n").find((each) => each.trim() !== "") ?? "";
  return shorten(line.trim(), 60);
}
