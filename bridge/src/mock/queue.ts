import type { Handlers } from "./store.js";

const QUEUE_NAME = "jobqueue";

/** What the page gives of its own batches and wants back as it was. */
export const QUEUE: Handlers = {
  "jobqueue:save-state": (store, { batchId, state: saved }) => {
    // The one saved last is listed first.
    const { [batchId]: _, ...others } = store.queue;
    store.queue = { [batchId]: saved, ...others };
    return null;
  },
  "jobqueue:load-state": (store, { batchId }) => store.queue[batchId] ?? null,
  "jobqueue:clear-state": (store, { batchId }) => {
    delete store.queue[batchId];
    return null;
  },
  "jobqueue:list-files": (store, { directory }) =>
    directory === QUEUE_NAME ? Object.keys(store.queue).map((name) => `${name}.jobqueue`) : [],
};
