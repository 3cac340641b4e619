import type { BatchImportResult, BatchJob, BatchRowUpdate, BatchSubmitParams } from "../contract.js";
import { countsOf, end, run, waitingResult } from "./running.js";
import { hasKey } from "./settings.js";
import { addUSD, type Handlers, type Job, newestFirst, type ParamsOf, type Store } from "./store.js";

/** Batches that the page submitted. Of all others the recordings tell. */
export const BATCHES: Handlers = {
  "batch:submit": (store, params) => {
    const job = submit(store, params);
    const shown = params.start === true ? start(store, job, {}) : wireJob(job);
    return "path" in params ? { ...shown, errors: [] } : shown;
  },
  "batch:start": (store, { jobId, ...options }) => {
    const job = jobNamed(store, jobId);
    return job && start(store, job, options);
  },
  "batch:retry-failed": (store, { jobId, ...options }) => {
    const job = jobNamed(store, jobId);
    for (const result of job?.results.filter(({ status }) => status.startsWith("error")) ?? []) {
      result.status = "pending";
      delete result.error;
      delete result.errorMessage;
    }
    return job && start(store, job, options);
  },
  "batch:cancel": (store, { jobId }) => {
    const job = jobNamed(store, jobId);
    if (job?.completedAt !== undefined) throw store.fixtures.error("conflict", { method: "batch:cancel" });
    if (job !== undefined) end(store, job, "cancelled");
    return job && wireJob(job);
  },
  "batch:get-results": (store, params) => {
    if ("nativeBatchId" in params) return undefined;
    const offset = params.offset ?? 0;
    return jobNamed(store, params.jobId)?.results.slice(offset, offset + (params.limit ?? Infinity));
  },
  "batch:get-status": (store, params) => ("jobId" in params ? shownJob(store, params.jobId) : undefined),
  "batch:get": (store, { jobId }) => shownJob(store, jobId),
  "batch:list": (store, { projectId, cursor }) => {
    const own = store.jobs.filter((job) => job.projectId === projectId);
    // All of it is on the first page.
    return typeof cursor === "string" ? [] : newestFirst(own, ({ createdAt }) => createdAt).map(wireJob);
  },
};

/** Keep what the page says of a batch that it runs itself. */
export function updateBatch(store: Store, params: ParamsOf<"batch:update-status">): BatchJob {
  const { jobId: id } = params;
  const job = jobNamed(store, id) ?? addJob(store, { id, projectId: store.openProject().id });
  if ("rowId" in params) updateRow(job, params);
  else {
    job.announcedRows = params.totalRows ?? job.announcedRows ?? 0;
    job.status = params.status === "running" ? "processing" : params.status;
  }
  job.startedAt ??= store.now();
  if (job.status !== "pending" && job.status !== "processing") job.completedAt ??= store.now();
  return wireJob(job);
}

/** Store a batch with the estimate that is recorded for its rows. */
function submit(store: Store, params: Readonly<BatchSubmitParams>): Job {
  const { projectId, fileName } = params;
  const given =
    "path" in params ? (store.play("batch:import", { ...params }) as BatchImportResult).rows : params.rows;
  store.open(store.find(store.projects, projectId, "batch:submit"));
  const providers = given.map(({ model }) => store.findModel(model)?.provider ?? "");
  const provider = providers.find((name) => !hasKey(store, name));
  if (provider !== undefined) {
    throw store.fixtures.error("missing_api_key", { method: "batch:submit", provider });
  }
  const rows = given.map((row, index) => ({ ...row, id: row.id ? row.id : `row-${index + 1}` }));
  const named = { projectId, ...(fileName === undefined ? {} : { fileName }), rows: given };
  const { estimate } = store.play("batch:submit", named) as BatchJob;
  return addJob(store, {
    ...{ projectId, fileName: fileName ?? "", rows, results: rows.map(waitingResult) },
    ...(estimate === undefined ? {} : { estimate }),
  });
}

function addJob(store: Store, job: Partial<Job> & Pick<Job, "projectId">): Job {
  const added: Job = {
    ...{ id: store.uuid(), fileName: "", mode: "local", status: "pending" },
    ...{ createdAt: store.now(), rows: [], results: [], runs: 0 },
    ...job,
  };
  store.jobs.push(added);
  return added;
}

function start(store: Store, job: Job, options: { notifyRows?: boolean | null }): BatchJob {
  const waits = ["pending", "cancelled"];
  if (job.status === "processing" || !job.results.some(({ status }) => waits.includes(status))) {
    throw store.fixtures.error("conflict", { method: "batch:start" });
  }
  for (const result of job.results) if (result.status === "cancelled") result.status = "pending";
  job.status = "processing";
  job.startedAt = store.now();
  delete job.completedAt;
  const begun = wireJob(job);
  // The job goes on after its answer; nobody waits for it but those who listen to its progress.
  void run(store, job, options.notifyRows === true);
  return begun;
}

function jobNamed(store: Store, name: string): Job | undefined {
  return store.jobs.find(({ id }) => id === name);
}

function shownJob(store: Store, id: string): BatchJob | undefined {
  const job = jobNamed(store, id);
  return job && wireJob(job);
}

/** What the page says of a row. */
function updateRow(job: Job, { rowId, status, result }: BatchRowUpdate): void {
  const before = job.results.find(({ id }) => id === rowId);
  const row = before ?? waitingResult({ id: rowId, prompt: "", model: "" }, job.results.length);
  Object.assign(row, result, { status });
  if (before === undefined) job.results.push(row);
}

function wireJob(job: Job): BatchJob {
  const { totalRows, completedRows, failedRows, costUSD: totalCost } = countsOf(job);
  const { estimate, rows: _, results: __, announcedRows: ___, runs: ____, ...own } = job;
  // What it was thought to cost and, once it is completed, by how much that was wrong.
  const differenceUSD = addUSD(totalCost, -(estimate?.totalUSD ?? 0));
  const known = job.status === "completed" ? { differenceUSD } : {};
  return {
    ...{ ...own, totalRows, completedRows, failedRows, totalCost },
    ...(estimate === undefined ? {} : { estimate: { ...estimate, ...known } }),
  };
}
