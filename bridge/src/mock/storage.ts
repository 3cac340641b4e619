import type { BatchRow } from "../contract.js";
import { contractError } from "../errors.js";
import type { Handlers, Store } from "./store.js";

const QUEUE_NAME = "jobqueue";

/** What the page gives and wants back as it was. Files are in memory only: a page has no disk. */
export const STORAGE: Handlers = {
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

  "history:log": ({ state }, { project, row }) => {
    state.history.push({ project, row });
    return null;
  },
  "history:read": ({ state }, { project }) =>
    state.history.filter((each) => each.project === project).map(({ row }) => row),

  "data:backup": ({ state, files }, { path }) => {
    files.set(path, structuredClone(state));
    return { path, bytes: bytesOf(state) };
  },
  "data:restore": (store, { path }) => {
    const backup = store.files.get(path);
    if (backup === undefined || !("projects" in backup)) throw missingFile(path);
    for (const stream of store.streams) stream.stopped = true;
    for (const job of store.state.jobs) job.runs += 1;
    store.state = structuredClone(backup);
    return { path: path.replace(/[^/\\]*$/, "abai.db"), bytes: bytesOf(backup) };
  },

  "batch:export": (store, { jobId, path }) => {
    const { rows, results } = store.find(store.state.jobs, jobId, "batch:export");
    store.files.set(path, structuredClone(rows));
    return { path, rows: results.length, bytes: bytesOf(rows) };
  },
  "batch:import": ({ files, fixtures }, params) => {
    if ("text" in params) return fixtures.play("batch:import", { ...params }) as never;
    return { rows: rowsOf(files, params.path), errors: [] };
  },
};

/** The rows of a file that was exported before. */
export function rowsOf(files: Store["files"], path: string): BatchRow[] {
  const rows = files.get(path);
  if (rows === undefined || !("length" in rows)) throw missingFile(path);
  return [...rows];
}

function missingFile(path: string): Error {
  return contractError("not_found", `There is no file ${path}. Choose another one.`, { retryable: false });
}

function bytesOf(value: unknown): number {
  return JSON.stringify(value).length;
}
