import type { ActivityItem, Project } from "../contract.js";
import { dropConversation } from "./conversations.js";
import { type Handlers, newestFirst, type ParamsOf, type Store } from "./store.js";

export const PROJECTS: Handlers = {
  "project:create": (store, { name, description, settings }) =>
    addProject(store, name, description ?? "", settings ?? {}),
  "project:get": (store, { id }) =>
    store.projects.some((each) => each.id === id) ? openedBy(store, id, "project:switch") : null,
  "project:switch": (store, { id }) => openedBy(store, id, "project:switch"),
  "project:update": (store, { id, ...changes }) => {
    const given = Object.entries(changes).filter(([, value]) => value !== null);
    return Object.assign(store.find(store.projects, id, "project:update"), Object.fromEntries(given));
  },
  "project:delete": (store, { id }) => {
    store.find(store.projects, id, "project:switch");
    const own = store.conversations.filter(({ projectId }) => projectId === id);
    for (const conversation of own) dropConversation(store, conversation.id);
    // A run that goes on finds that its job was started anew, and ends.
    for (const job of store.jobs.filter(({ shown }) => shown.projectId === id)) job.runs += 1;
    store.projects = store.projects.filter((each) => each.id !== id);
    store.jobs = store.jobs.filter(({ shown }) => shown.projectId !== id);
    return null;
  },
};

/** Return all projects, the last used first. */
export function projectsOf(store: Store): Project[] {
  return newestFirst(store.projects, ({ lastUsed }) => lastUsed);
}

/** Make a project the one that new conversations go to. Throws `not_found` as recorded for a method. */
export function openedBy(store: Store, id: string, method: keyof Handlers): Project {
  const project = store.find(store.projects, id, method);
  store.currentProject = id;
  project.lastUsed = store.now();
  return project;
}

/** The project that is open, made when there is none. */
export function openProject(store: Store): Project {
  return store.projects.find(({ id }) => id === store.currentProject) ?? addProject(store, "Default");
}

function addProject(store: Store, name: string, description = "", settings: Project["settings"] = {}): Project {
  const [id, createdAt] = [store.uuid(), store.now()];
  store.projects.push({ id, name, description, settings, createdAt, lastUsed: createdAt });
  return openedBy(store, id, "project:switch");
}

/** Return what was last done in a project. What it cost is for the recordings to say. */
export function activityOf(
  store: Store,
  { projectId, type, limit }: ParamsOf<"activity:get">,
): ActivityItem[] {
  const chats = store.conversations
    .filter((each) => each.projectId === projectId)
    .map(({ id, lastUsed: timestamp, name: title }): ActivityItem => {
      const said = store.messages.findLast((each) => each.conversationId === id && each.content !== "");
      return { id, type: "chat", timestamp, title, preview: said?.content.slice(0, 200) ?? "" };
    });
  const batches = store.jobs
    .filter(({ shown }) => shown.projectId === projectId)
    .map(({ shown: { id, createdAt: timestamp, fileName, status } }): ActivityItem => {
      return { id, type: "batch", timestamp, title: fileName || "A batch", status };
    });
  const wanted = [...chats, ...batches].filter((item) => !type || type === "all" || type === item.type);
  return newestFirst(wanted, ({ timestamp }) => timestamp).slice(0, limit ?? 100);
}
