import type { Project } from "../contract.js";
import { type Handlers, newestFirst, type Store } from "./store.js";
import { addConversation } from "./turns.js";

/** Return all projects, the last used first. */
export function projectsOf({ state }: Store): Project[] {
  return newestFirst(state.projects, ({ lastUsed }) => lastUsed);
}

export const PROJECTS: Handlers = {
  "project:create": (store, { name, description, settings }) =>
    store.open(store.addProject(name, description ?? "", settings ?? {})),
  "project:get": (store, { id }) => {
    const project = store.state.projects.find((each) => each.id === id);
    return project === undefined ? null : store.open(project);
  },
  "project:switch": (store, { id }) => store.open(store.find(store.state.projects, id, "project:switch")),
  "project:update": (store, { id, ...changes }) => {
    const project = store.find(store.state.projects, id, "project:update");
    return Object.assign(
      project,
      Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== null)),
    );
  },
  "project:delete": (store, { id }) => {
    const { state } = store;
    store.find(state.projects, id, "project:switch");
    const gone = new Set(
      state.conversations.filter(({ projectId }) => projectId === id).map((each) => each.id),
    );
    gone.forEach((conversationId) => store.stopStreams(conversationId));
    // A run that goes on finds that its job was started anew, and ends.
    for (const job of state.jobs.filter(({ projectId }) => projectId === id)) job.runs += 1;
    state.projects = state.projects.filter((each) => each.id !== id);
    state.jobs = state.jobs.filter(({ projectId }) => projectId !== id);
    state.conversations = state.conversations.filter((each) => !gone.has(each.id));
    state.messages = state.messages.filter(({ conversationId }) => !gone.has(conversationId));
    return null;
  },

  "conversation:create": (store, { projectId, name, id }) => {
    store.open(store.find(store.state.projects, projectId, "conversation:create"));
    if (store.state.conversations.some((each) => each.id === id)) {
      throw store.fixtures.error("conflict", { method: "conversation:create" });
    }
    return addConversation(store, id ?? store.uuid(), name ?? "New conversation", projectId);
  },
  "conversation:list": ({ state }, { projectId, cursor }) => {
    const own = state.conversations.filter((each) => each.projectId === projectId);
    // All of it is on the first page.
    return typeof cursor === "string" ? [] : newestFirst(own, ({ lastUsed }) => lastUsed);
  },
  "conversation:rename": (store, { id, name }) =>
    Object.assign(store.find(store.state.conversations, id, "conversation:delete"), { name }),
  "conversation:delete": (store, { id }) => {
    const { state } = store;
    store.find(state.conversations, id, "conversation:delete");
    store.stopStreams(id);
    state.conversations = state.conversations.filter((each) => each.id !== id);
    state.messages = state.messages.filter(({ conversationId }) => conversationId !== id);
    return null;
  },
};
