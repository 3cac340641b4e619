import type { ChatSendParams, Conversation, Message } from "../contract.js";
import { type Backend, fullName } from "./backend.js";
import { hasKey } from "./keys.js";

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
  backend: Backend,
  { conversationId: id, content }: Pick<ChatSendParams, "conversationId" | "content">,
  modelIds: readonly string[],
): Turn | undefined {
  if (id === undefined || id === null || id === "" || content.trim() === "") return undefined;
  const models = modelIds
    .filter((modelId) => canBeAsked(backend, modelId))
    .map((modelId) => backend.model(modelId));
  // A question that nobody can be asked opens nothing.
  if (models.length === 0) return undefined;
  const names = models.map(fullName);
  const { state } = backend;
  const known = state.conversations.find((each) => each.id === (id === "null" ? state.unnamed : id));
  const newest = state.messages.findLast((each) => each.conversationId === known?.id && each.role === "user");
  const joins = newest?.content === content && !names.some((model) => wasAsked(backend, newest, model));
  if (id === "null" && !joins) state.unnamed = backend.uuid();
  const conversation =
    known !== undefined && (joins || id !== "null")
      ? known
      : addConversation(backend, id === "null" ? (state.unnamed ?? id) : id, nameFrom(content));
  const question = joins && newest !== undefined ? newest : addQuestion(backend, conversation, content);
  const waiting = ASKED.get(question) ?? new Set();
  ASKED.set(question, waiting);
  for (const name of names) waiting.add(name);
  return { conversation, turnId: question.id, release: (model) => void waiting.delete(model) };
}

export function addConversation(
  backend: Backend,
  id: string,
  name: string,
  projectId?: string,
): Conversation {
  const at = backend.now();
  const conversation = {
    id,
    projectId: projectId ?? backend.openProject().id,
    name,
    createdAt: at,
    lastUsed: at,
  };
  backend.state.conversations.push(conversation);
  return conversation;
}

// The models that a question was sent to and that have not answered yet.
const ASKED = new WeakMap<Message, Set<string>>();

function wasAsked(backend: Backend, question: Message, model: string): boolean {
  if (ASKED.get(question)?.has(model) === true) return true;
  return backend.state.messages.some((each) => each.turnId === question.id && each.model === model);
}

function canBeAsked(backend: Backend, modelId: string): boolean {
  const model = backend.findModel(modelId);
  return model !== undefined && hasKey(backend, backend.serving(model).provider);
}

function addQuestion(backend: Backend, conversation: Conversation, content: string): Message {
  const id = backend.uuid();
  const nobody = { provider: null, model: null, cost: null, tokensIn: null, tokensOut: null };
  const timestamp = backend.now();
  const question: Message = {
    id,
    conversationId: conversation.id,
    role: "user",
    content,
    ...nobody,
    timestamp,
    turnId: id,
  };
  conversation.lastUsed = timestamp;
  backend.state.messages.push(question);
  return question;
}

/** A conversation's name: the first line that says something, at most 60 characters. */
function nameFrom(content: string): string {
  const line = content.split("\n").find((each) => each.trim() !== "") ?? "";
  const name = line.trim().replace(/\s+/g, " ");
  return name.length <= 60 ? name : `${name.slice(0, 59)}…`;
}
