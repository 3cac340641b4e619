import type { Handlers } from "./store.js";

const QUEUE_NAME = "jobqueue";

/** What the page gives of its own batches and wants back as it was. */
export const QUEUE: Handlers = {
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
  "jobqueue:list-files": ({ state }, { directory }) =>
    directory === QUEUE_NAME ? Object.keys(state.queue).map((name) => `${name}.jobqueue`) : [],
};
