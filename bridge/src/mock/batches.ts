import type { BatchImportResult, BatchJob, BatchProgressNotification, BatchResult } from "../contract.js";
import type { BatchRow, BatchRowUpdate, BatchSubmitParams } from "../contract.js";
import { SidecarError } from "../errors.js";
import { answerOf } from "./chat.js";
import { openedBy, openProject } from "./projects.js";
import { orderedMs } from "./replies.js";
import { hasKey } from "./saved.js";
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
    const failed = job?.results.filter(({ status }) => status.startsWith("error")) ?? [];
    if (job !== undefined && failed.length === 0) {
      throw store.fixtures.error("conflict", { method: "batch:retry-failed", says: "no row of it has failed" });
    }
    for (const result of failed) {
      result.status = "pending";
      delete result.error;
      delete result.errorMessage;
    }
    return job && start(store, job, options);
  },
  "batch:cancel": (store, { jobId }) => {
    const job = jobNamed(store, jobId);
    if (job?.shown.completedAt !== undefined) throw store.fixtures.error("conflict", { method: "batch:cancel" });
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
    const own = store.jobs.filter(({ shown }) => shown.projectId === projectId);
    // All of it is on the first page.
    return typeof cursor === "string" ? [] : newestFirst(own, ({ shown }) => shown.createdAt).map(wireJob);
  },
};

/** Keep what the page says of a batch that it runs itself. */
export function updateBatch(store: Store, params: ParamsOf<"batch:update-status">): BatchJob {
  const { jobId: id } = params;
  const job = jobNamed(store, id) ?? addJob(store, { id, projectId: openProject(store).id });
  const { shown } = job;
  if ("rowId" in params) updateRow(job, params);
  else {
    shown.totalRows = params.totalRows ?? shown.totalRows;
    shown.status = params.status === "running" ? "processing" : params.status;
  }
  shown.startedAt ??= store.now();
  if (shown.status !== "pending" && shown.status !== "processing") shown.completedAt ??= store.now();
  return wireJob(job);
}

/** What the page says of a row. */
function updateRow({ results }: Job, { rowId, status, result }: BatchRowUpdate): void {
  if (!results.some(({ id }) => id === rowId)) {
    results.push(waitingResult({ id: rowId, prompt: "", model: "" }, results.length));
  }
  Object.assign(results.find(({ id }) => id === rowId) ?? {}, result, { status });
}

/** Store a batch with the estimate that is recorded for its rows. */
function submit(store: Store, params: Readonly<BatchSubmitParams>): Job {
  const { projectId, fileName } = params;
  const given =
    "path" in params ? (store.play("batch:import", { ...params }) as BatchImportResult).rows : params.rows;
  openedBy(store, projectId, "batch:submit");
  const providers = given.map(({ model }) => store.findModel(model)?.provider ?? "");
  const provider = providers.find((name) => !hasKey(store, name));
  if (provider !== undefined) {
    throw store.fixtures.error("missing_api_key", { method: "batch:submit", provider });
  }
  const named = { projectId, ...(fileName === undefined ? {} : { fileName }), rows: given };
  const { estimate } = store.play("batch:submit", named) as BatchJob;
  const priced = estimate === undefined ? {} : { estimate };
  return addJob(store, { projectId, fileName: fileName ?? "", ...priced }, given);
}

function addJob(
  store: Store,
  about: Pick<BatchJob, "projectId"> & Partial<BatchJob>,
  rows: readonly BatchRow[] = [],
): Job {
  const shown: BatchJob = {
    ...{ id: store.uuid(), fileName: "", mode: "local", status: "pending", createdAt: store.now() },
    ...{ totalRows: 0, completedRows: 0, failedRows: 0, totalCost: 0 },
    ...about,
  };
  const results = rows.map((row, index) => waitingResult({ ...row, id: row.id || `row-${index + 1}` }, index));
  const job = { shown, rows, results, runs: 0 };
  store.jobs.push(job);
  return job;
}

/** A row that waits. Variables stand in its prompt as the sidecar would show them. */
function waitingResult({ id, prompt, model, data }: BatchRow & { id: string }, rowIndex: number): BatchResult {
  const shown = prompt.replace(/\{\{\s*([^{}]+?)\s*\}\}/g, (_, name: string) => String(data?.[name] ?? ""));
  return {
    ...{ id, rowIndex, prompt: shown, model, status: "pending" },
    ...{ tokens_in: 0, tokens_out: 0, cost_usd: 0, latency_ms: 0, attempts: 0 },
    ...(data === null || data === undefined ? {} : { data }),
  };
}

function start(store: Store, job: Job, options: { notifyRows?: boolean | null }): BatchJob {
  const { shown, results } = job;
  for (const result of results) {
    if (shown.status !== "processing" && result.status === "cancelled") result.status = "pending";
  }
  if (shown.status === "processing" || !results.some(({ status }) => status === "pending")) {
    throw store.fixtures.error("conflict", { method: "batch:start" });
  }
  Object.assign(shown, { status: "processing", startedAt: store.now() });
  delete shown.completedAt;
  const begun = wireJob(job);
  // The job goes on after its answer; nobody waits for it but those who listen to its progress.
  void run(store, job, options.notifyRows === true);
  return begun;
}

/** Answer the rows that wait, one after the other, and tell of it. */
async function run(store: Store, job: Job, tellsRows: boolean): Promise<void> {
  const number = ++job.runs;
  const { rowMs } = store.pace;
  for (const result of job.results.filter(({ status }) => status === "pending")) {
    await store.pause(orderedMs(result.prompt, "slow_first_ms") ?? rowMs);
    if (job.runs !== number) return;
    answerRow(store, job, result);
    if (tellsRows) store.emit("batch:row-done", { jobId: job.shown.id, result });
    store.emit("batch:progress", progressOf(job, rowMs));
  }
  if (job.runs === number) end(store, job, "completed");
}

function answerRow(store: Store, { rows }: Job, result: BatchResult): void {
  const { jsonMode = null, jsonSchema = null, maxOutputTokens = null } = rows[result.rowIndex] ?? {};
  result.attempts += 1;
  try {
    const model = store.model(result.model);
    const reply = answerOf(store, result.prompt, model, { jsonMode, jsonSchema, maxOutputTokens });
    Object.assign(result, {
      ...{ status: "success", response: reply.answer, cost_usd: reply.costUSD ?? null },
      ...{ tokens_in: reply.promptTokens, tokens_out: reply.answerTokens },
    });
  } catch (error) {
    if (!(error instanceof SidecarError)) throw error;
    const status = error.kind === "missing_api_key" ? "error-missing-key" : "error-api";
    Object.assign(result, { status, error: error.kind, errorMessage: error.message });
  }
}

/** End a job: rows that still wait are cancelled. */
function end(store: Store, job: Job, status: "completed" | "cancelled"): void {
  job.runs += 1;
  for (const result of job.results) if (result.status === "pending") result.status = "cancelled";
  Object.assign(job.shown, { status, completedAt: store.now() });
  store.emit("batch:progress", progressOf(job));
}

function jobNamed(store: Store, name: string): Job | undefined {
  return store.jobs.find(({ shown }) => shown.id === name);
}

function shownJob(store: Store, id: string): BatchJob | undefined {
  const job = jobNamed(store, id);
  return job && wireJob(job);
}

/** The job with how many rows there are, how they ended and what they cost. */
function wireJob({ shown, results }: Job): BatchJob {
  const totalCost = addUSD(...results.map(({ cost_usd: cost }) => cost));
  const { estimate, status } = shown;
  // What it was thought to cost and, once it is completed, by how much that was wrong.
  const known = status === "completed" ? { differenceUSD: addUSD(totalCost, -(estimate?.totalUSD ?? 0)) } : {};
  return {
    ...{ ...shown, totalCost, totalRows: Math.max(shown.totalRows, results.length) },
    completedRows: results.filter((each) => each.status === "success").length,
    failedRows: results.filter((each) => each.status.startsWith("error")).length,
    ...(estimate === undefined ? {} : { estimate: { ...estimate, ...known } }),
  };
}

function progressOf(job: Job, rowMs = 0): BatchProgressNotification {
  const { id: jobId, status, completedRows, failedRows, totalRows, totalCost: costUSD } = wireJob(job);
  const left = totalRows - completedRows - failedRows;
  return {
    ...{ jobId, status, completedRows, failedRows, totalRows, costUSD },
    percentage: totalRows === 0 ? 100 : Math.round((10_000 * (totalRows - left)) / totalRows) / 100,
    ...(rowMs > 0 ? { rowsPerSecond: 1_000 / rowMs, etaSeconds: (left * rowMs) / 1_000 } : {}),
  };
}
