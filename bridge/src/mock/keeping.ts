import type { HandlersOf } from "./backend.js";

const QUEUE_NAME = "jobqueue";

/** What the page gives and wants back as it was. */
export const KEEPING: HandlersOf<"jobqueue" | "history" | "system"> = {
  "jobqueue:save-state": ({ state }, { batchId, state: saved }) => {
    // The one saved last is listed first.
    const { [batchId]: _, ...others } = state.queue;
    state.queue = { [batchId]: saved, ...others };
    return null;
  },
  "jobqueue:load-state": ({ state }, { batchId }) => state.queue[batchId] ?? null,
  "jobqueue:clear-state": ({ state }, { batchId }) => {
    delete state.queue[batchId];
    return null;
  },
  "jobqueue:get-directory": () => QUEUE_NAME,
  "jobqueue:list-files": ({ state }, { directory }) =>
    directory === QUEUE_NAME ? Object.keys(state.queue).map((name) => `${name}.jobqueue`) : [],

  "history:log": ({ state }, { project, row }) => {
    state.history.push({ project, row });
    return null;
  },
  "history:read": ({ state }, { project }) =>
    state.history.filter((each) => each.project === project).map(({ row }) => row),
  // A page has no folder to open.
  "history:open-folder": () => null,

  "system:health": (backend) => ({
    ...backend.material.sample("system:health"),
    uptimeMs: backend.now() - backend.startedAt,
    inFlight: backend.running.size + 1,
  }),
};
