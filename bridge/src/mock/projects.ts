import type { Project } from "../contract.js";
import { type Handlers, newestFirst, type Store } from "./store.js";
import { addConversation } from "./turns.js";

/** Return all projects, the last used first. */
export function projectsOf(store: Store): Project[] {
  return newestFirst(store.projects, ({ lastUsed }) => lastUsed);
}

export const PROJECTS: Handlers = {
  "project:create": (store, { name, description, settings }) =>
    store.open(store.addProject(name, description ?? "", settings ?? {})),
  "project:get": (store, { id }) => {
    const project = store.projects.find((each) => each.id === id);
    return project === undefined ? null : store.open(project);
  },
  "project:switch": (store, { id }) => store.open(store.find(store.projects, id, "project:switch")),
  "project:update": (store, { id, ...changes }) => {
    const project = store.find(store.projects, id, "project:update");
    return Object.assign(
      project,
      Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== null)),
    );
  },
  "project:delete": (store, { id }) => {
    store.find(store.projects, id, "project:switch");
    const own = store.conversations.filter(({ projectId }) => projectId === id);
    for (const conversation of own) drop(store, conversation.id);
    // A run that goes on finds that its job was started anew, and ends.
    for (const job of store.jobs.filter(({ projectId }) => projectId === id)) job.runs += 1;
    store.projects = store.projects.filter((each) => each.id !== id);
    store.jobs = store.jobs.filter(({ projectId }) => projectId !== id);
    return null;
  },

  "conversation:create": (store, { projectId, name, id }) => {
    store.open(store.find(store.projects, projectId, "conversation:create"));
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
    drop(store, id);
    return null;
  },
};

/** Delete a conversation, and stop what streams into it. */
function drop(store: Store, id: string): void {
  store.stopStreams(id);
  store.conversations = store.conversations.filter((each) => each.id !== id);
  store.messages = store.messages.filter(({ conversationId }) => conversationId !== id);
}
