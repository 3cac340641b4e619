import type {
  BatchCostRange,
  BatchJob,
  BatchRow,
  BatchRowUpdate,
  BatchSubmitNativeParams,
  BatchSubmitNativeResult,
  BatchSubmitParams,
} from "../contract.js";
import { contractError, type SidecarError } from "../errors.js";
import { keepToBudget } from "./chat.js";
import { countsOf, end, progressOf, run, type RunOptions, waitingResult } from "./running.js";
import { hasKey } from "./settings.js";
import { rowsOf } from "./storage.js";
import { addUSD, type Handlers, type Job, newestFirst, type Store } from "./store.js";

export const BATCHES: Handlers = {
  "batch:submit": (store, params) => {
    const job = submit(store, params);
    const shown = params.start === true ? start(store, job, {}) : wireJob(job);
    return "path" in params ? { ...shown, errors: [] } : shown;
  },
  "batch:start": (store, { jobId, ...options }) => {
    const job = findOwn(store, jobId);
    if (job.status === "completed") {
      throw conflict("Every row of this batch has ended. Retry the failed ones, or submit it anew.");
    }
    return start(store, job, options);
  },
  "batch:retry-failed": (store, { jobId, ...options }) => {
    const job = findOwn(store, jobId);
    refuseRunning(job);
    for (const result of job.results.filter(({ status }) => status.startsWith("error"))) {
      result.status = "pending";
      delete result.error;
      delete result.errorMessage;
    }
    return start(store, job, options);
  },
  "batch:cancel": (store, { jobId }) => {
    const job = findOwn(store, jobId);
    if (job.status === "completed" || job.status === "cancelled") {
      throw conflict("This batch has ended already; there is nothing left to cancel.");
    }
    end(store, job, "cancelled");
    return wireJob(job);
  },
  "batch:collect": (store, { jobId }) => {
    if (findOwn(store, jobId).mode !== "native") {
      throw conflict("No provider has this batch: its rows are asked one by one, and answered so.");
    }
    throw conflict("Every row of this batch that its provider has run has its result; there is none to fetch.");
  },
  "batch:submit-native": (store, params) => {
    const recorded = store.fixtures.play("batch:submit-native", { ...params }) as BatchSubmitNativeResult;
    const job = submit(store, params);
    job.mode = "native";
    // The simulator numbers what it is asked for, and a batch is an upload and a request.
    const number = String(2 * store.state.jobs.filter(({ mode }) => mode === "native").length);
    const id = recorded.nativeBatchId.slice(0, -number.length) + number;
    job.native = { provider: params.providerName, id };
    start(store, job, {});
    store.emit("batch:progress", progressOf(job));
    return { ...recorded, jobId: job.id, nativeBatchId: id, provider: params.providerName };
  },
  "batch:get-status": (store, params) => {
    if ("jobId" in params) return wireJob(findJob(store, params.jobId));
    const job = findNative(store, params.nativeBatchId, "provider_rejected");
    const { totalRows: total, completedRows: completed, failedRows: failed } = countsOf(job);
    const status = job.status === "processing" ? "in_progress" : job.status;
    const ended = job.completedAt === undefined ? {} : { completed_at: job.completedAt };
    const request_counts = { total, completed, failed };
    return { id: params.nativeBatchId, status, request_counts, created_at: job.createdAt, ...ended };
  },
  "batch:get-results": (store, params) => {
    if ("nativeBatchId" in params) {
      const job = findNative(store, params.nativeBatchId, "not_found");
      return job.results.map((result) => ({ ...result, custom_id: `${job.id}/${result.rowIndex}` }));
    }
    const { results } = findJob(store, params.jobId);
    const offset = params.offset ?? 0;
    return results.slice(offset, offset + (params.limit ?? results.length));
  },
  "batch:update-status": (store, params) => {
    const known = store.state.jobs.find(({ id }) => id === params.jobId);
    const job =
      known ?? addJob(store, { id: params.jobId, projectId: store.openProject().id, source: "renderer" });
    if (job.source === "sidecar" && job.status !== "pending") {
      throw conflict("This batch is not run by the app but by the sidecar, which keeps its state itself.");
    }
    if ("rowId" in params) updateRow(job, params);
    else {
      const { totalRows, completedRows, error } = params;
      const reported = Object.entries({ totalRows, completedRows }).filter(
        ([, count]) => typeof count === "number",
      );
      job.reported = { ...job.reported, ...(Object.fromEntries(reported) as typeof job.reported) };
      if (typeof error === "string") job.error = error;
    }
    const status = "rowId" in params ? (job.status === "pending" ? "processing" : job.status) : params.status;
    job.status = status === "running" ? "processing" : status;
    const at = store.now();
    if (job.status !== "pending") job.startedAt ??= at;
    if (job.status !== "pending" && job.status !== "processing") job.completedAt ??= at;
    return wireJob(job);
  },
  "batch:list": (store, { projectId, ...page }) => {
    const own = store.state.jobs.filter((job) => job.projectId === projectId);
    return store
      .page(
        newestFirst(own, ({ createdAt }) => createdAt),
        page,
      )
      .map(wireJob);
  },
  "batch:get": (store, { jobId }) => wireJob(findJob(store, jobId)),
};

/** Store a batch with the estimate that is recorded for its rows. */
function submit(
  store: Store,
  params: Readonly<BatchSubmitParams> | Readonly<BatchSubmitNativeParams>,
): Job {
  const { projectId, fileName } = params;
  const { state, fixtures } = store;
  const given = "path" in params ? rowsOf(store.files, params.path) : params.rows;
  store.open(store.find(state.projects, projectId, "batch:submit"));
  const provider = given
    .map(({ model }) => store.findModel(model)?.provider ?? "")
    .find((name) => !hasKey(store, name));
  if (provider !== undefined) throw fixtures.error("missing_api_key", { method: "batch:submit", provider });
  const rows = given.map((row, index) => ({ ...row, id: row.id ? row.id : `row-${index + 1}` }));
  const named = { projectId, ...(fileName === undefined ? {} : { fileName }), rows: given };
  const { estimate } = fixtures.play("batch:submit", named) as BatchJob;
  const kept = estimate === undefined ? {} : { estimate };
  return addJob(store, {
    projectId,
    fileName: fileName ?? "",
    rows,
    results: rows.map(waitingResult),
    ...kept,
  });
}

function addJob(store: Store, job: Partial<Job> & Pick<Job, "projectId">): Job {
  const added: Job = {
    ...{ id: store.uuid(), fileName: "", mode: "local", status: "pending", source: "sidecar" },
    ...{ createdAt: store.now(), rows: [], results: [], runs: 0 },
    ...job,
  };
  store.state.jobs.push(added);
  return added;
}

function start(store: Store, job: Job, options: RunOptions): BatchJob {
  refuseRunning(job);
  keepToBudget(store, "batch:start", job.estimate?.highUSD);
  for (const result of job.results) if (result.status === "cancelled") result.status = "pending";
  job.status = "processing";
  job.startedAt = store.now();
  delete job.completedAt;
  const begun = wireJob(job);
  // The job goes on after its answer; nobody waits for it but those who listen to its progress.
  void run(store, job, options);
  return begun;
}

function refuseRunning(job: Job): void {
  if (job.status === "processing") {
    throw conflict("This batch is running already. Wait until it ends, or cancel it first.");
  }
}

function findJob(store: Store, id: string): Job {
  return store.find(store.state.jobs, id, "batch:get");
}

/** A job that the page does not run itself. */
function findOwn(store: Store, id: string): Job {
  const job = findJob(store, id);
  if (job.source === "renderer") throw conflict("The app runs this batch itself. Start or stop it there.");
  return job;
}

/** A native batch. One that is not known here is looked for at the provider, which knows it no better. */
function findNative({ state, fixtures }: Store, id: string, kind: "provider_rejected" | "not_found"): Job {
  const found = state.jobs.find(({ native }) => native?.id === id);
  if (found === undefined) throw fixtures.error(kind, { method: "batch:get-status" });
  return found;
}

/** What the page says of a row. What it does not say stays as it was. */
function updateRow(job: Job, { rowId, status, result }: BatchRowUpdate): void {
  const before = job.results.find(({ id }) => id === rowId);
  const said = Object.entries(result).filter(([, value]) => value !== null && value !== undefined);
  const nothing: BatchRow & { id: string } = { id: rowId, prompt: "", model: "" };
  const row = before ?? { ...waitingResult(nothing, job.results.length), cost_usd: null };
  Object.assign(row, Object.fromEntries(said), { status });
  if (before === undefined) job.results.push(row);
}

function wireJob(job: Job): BatchJob {
  const { totalRows, completedRows, failedRows, costUSD: totalCost } = countsOf(job);
  const { native, estimate, rows: _, results: __, reported: ___, source: ____, runs: _____, ...own } = job;
  // What it was thought to cost and, once it is completed, by how much that was wrong.
  const shown = (kept: BatchCostRange): BatchCostRange =>
    job.status === "completed" ? { ...kept, differenceUSD: addUSD(totalCost, -kept.totalUSD) } : kept;
  const part = { nativeBatchId: native?.id ?? "", status: job.status, rows: totalRows };
  return {
    ...{ ...own, totalRows, completedRows, failedRows, totalCost },
    ...(estimate === undefined ? {} : { estimate: shown(estimate) }),
    ...(native === undefined ? {} : { native: [{ provider: native.provider, ...part }] }),
  };
}

function conflict(message: string): SidecarError {
  return contractError("conflict", message, { retryable: false });
}
