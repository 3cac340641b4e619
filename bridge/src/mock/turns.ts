import type { ChatSendParams, Conversation, Message } from "../contract.js";
import { hasKey } from "./settings.js";
import type { Store } from "./store.js";
import { fullName } from "./replies.js";

/** A question in a conversation, which several models may answer. */
export interface Turn {
  conversation: Conversation;
  /** The id of the question. */
  turnId: string;
  /** A model has answered, or failed to: then the same question to it joins this turn once more. */
  release(model: string): void;
}

/** The turn that a question opens or joins, its conversation made on the spot. None without a conversation. */
export function turnFor(
  store: Store,
  { conversationId: id, content }: Pick<ChatSendParams, "conversationId" | "content">,
  modelIds: readonly string[],
): Turn | undefined {
  if (id === undefined || id === null || id === "" || content.trim() === "") return undefined;
  const models = modelIds
    .flatMap((modelId) => store.findModel(modelId) ?? [])
    .filter(({ provider }) => hasKey(store, provider));
  // A question that nobody can be asked opens nothing.
  if (models.length === 0) return undefined;
  const names = models.map(fullName);
  const known = store.conversations.find((each) => each.id === (id === "null" ? store.unnamed : id));
  const newest = newestQuestion(store, known?.id);
  const joins = newest?.content === content && !names.some((model) => wasAsked(store, newest, model));
  if (id === "null" && !joins) store.unnamed = store.uuid();
  const conversation =
    known !== undefined && (joins || id !== "null")
      ? known
      : addConversation(store, id === "null" ? (store.unnamed ?? id) : id, nameFrom(content));
  const question =
    joins && newest !== undefined ? newest : addMessage(store, conversation, { role: "user", content });
  const waiting = ASKED.get(question) ?? new Set();
  ASKED.set(question, waiting);
  for (const name of names) waiting.add(name);
  return { conversation, turnId: question.id, release: (model) => void waiting.delete(model) };
}

export function addConversation(store: Store, id: string, name: string, projectId?: string): Conversation {
  const at = store.now();
  const own = projectId ?? store.openProject().id;
  const conversation = { id, projectId: own, name, createdAt: at, lastUsed: at };
  store.conversations.push(conversation);
  return conversation;
}

// The models that a question was sent to and that have not answered yet.
const ASKED = new WeakMap<Message, Set<string>>();

function wasAsked(store: Store, question: Message, model: string): boolean {
  if (ASKED.get(question)?.has(model) === true) return true;
  return store.messages.some((each) => each.turnId === question.id && each.model === model);
}

/** Store a message; one of the person's begins a turn, others are of the newest one unless they say which. */
export function addMessage(
  store: Store,
  conversation: Conversation,
  message: Pick<Message, "role" | "content"> & Partial<Message>,
): Message {
  const id = store.uuid();
  const question = newestQuestion(store, conversation.id);
  const nobody = { provider: null, model: null, cost: null, tokensIn: null, tokensOut: null };
  const added: Message = {
    ...{ id, conversationId: conversation.id, ...nobody, timestamp: store.now() },
    turnId: message.role === "user" ? id : (question?.id ?? id),
    ...message,
  };
  conversation.lastUsed = added.timestamp;
  store.messages.push(added);
  return added;
}

function newestQuestion(store: Store, conversationId: string | undefined): Message | undefined {
  return store.messages.findLast((each) => each.conversationId === conversationId && each.role === "user");
}

/** A conversation's name: the first line that says something, at most 60 characters. */
function nameFrom(content: string): string {
  const line = content.split("\n").find((each) => each.trim() !== "") ?? "";
  const name = line.trim().replace(/\s+/g, " ");
  return name.length <= 60 ? name : `${name.slice(0, 59)}…`;
}
