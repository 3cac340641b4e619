import type { Conversation, Project } from "../contract.js";
import { contractError } from "../errors.js";
import type { Backend, HandlersOf, PageMethod } from "./backend.js";
import { newestFirst, pageAfter } from "./state.js";
import { addConversation } from "./turns.js";

export const PROJECTS: HandlersOf<"project" | "conversation"> = {
  "project:create": (backend, { name, description, settings }) =>
    backend.open(backend.addProject(name, description ?? "", settings ?? {})),
  "project:list": ({ state }) => newestFirst(state.projects, ({ lastUsed }) => lastUsed),
  "project:get": (backend, { id }) => {
    const project = backend.state.projects.find((each) => each.id === id);
    return project === undefined ? null : backend.open(project);
  },
  "project:switch": (backend, { id }) => backend.open(findProject(backend, id, "project:switch")),
  "project:update": (backend, { id, name, description, settings }) => {
    const project = findProject(backend, id, "project:update");
    project.name = name ?? project.name;
    project.description = description ?? project.description;
    project.settings = settings ?? project.settings;
    return project;
  },
  "project:delete": (backend, { id }) => {
    findProject(backend, id, "project:switch");
    const { state } = backend;
    for (const job of state.jobs.filter(({ projectId }) => projectId === id))
      backend.abort({ jobId: job.id });
    const gone = new Set(
      state.conversations.filter(({ projectId }) => projectId === id).map((each) => each.id),
    );
    for (const conversationId of gone) backend.abort({ conversationId });
    state.projects = state.projects.filter((each) => each.id !== id);
    state.jobs = state.jobs.filter(({ projectId }) => projectId !== id);
    state.conversations = state.conversations.filter((each) => !gone.has(each.id));
    state.messages = state.messages.filter(({ conversationId }) => !gone.has(conversationId));
    return null;
  },

  "conversation:create": (backend, { projectId, name, id }) => {
    backend.open(findProject(backend, projectId, "conversation:create"));
    if (backend.state.conversations.some((each) => each.id === id)) {
      const message = "There is a conversation with this id already. Send another id, or none.";
      throw contractError("conflict", message, { retryable: false });
    }
    return addConversation(backend, id ?? backend.uuid(), name ?? "New conversation", projectId);
  },
  "conversation:list": (backend, { projectId, limit, cursor }) => {
    const own = backend.state.conversations.filter((each) => each.projectId === projectId);
    const page = pageAfter(
      newestFirst(own, ({ lastUsed }) => lastUsed),
      cursor,
      limit,
    );
    if (page === undefined) throw backend.material.error("invalid_params", "conversation:list");
    return page;
  },
  "conversation:rename": (backend, { id, name }) => {
    const conversation = findConversation(backend, id);
    conversation.name = name;
    return conversation;
  },
  "conversation:delete": (backend, { id }) => {
    findConversation(backend, id);
    backend.abort({ conversationId: id });
    const { state } = backend;
    state.conversations = state.conversations.filter((each) => each.id !== id);
    state.messages = state.messages.filter(({ conversationId }) => conversationId !== id);
    return null;
  },
};

/** Throws `not_found` in the words of a method. */
export function findProject(backend: Backend, id: string, method: PageMethod): Project {
  const found = backend.state.projects.find((each) => each.id === id);
  if (found === undefined) throw backend.unknown(method);
  return found;
}

function findConversation(backend: Backend, id: string): Conversation {
  const found = backend.state.conversations.find((each) => each.id === id);
  if (found === undefined) throw backend.unknown("conversation:delete");
  return found;
}
