import type { BatchCostRange, BatchJob, BatchRowUpdate, NativeBatchStatus } from "../contract.js";
import { contractError, type SidecarError } from "../errors.js";
import { KEY_PROVIDERS, type KeyProvider } from "../providers.js";
import { type Backend, type HandlersOf, nameOf } from "./backend.js";
import { keepToBudget } from "./budget.js";
import { BATCH_FILES } from "./files.js";
import { TITLES } from "./keys.js";
import { reuseAnswers } from "./earlier.js";
import { costRange, estimateRows } from "./estimate.js";
import { addUSD } from "./money.js";
import { findProject } from "./projects.js";
import { checkKeys, checkRows, type Row, waitingResult, withIds } from "./rows.js";
import { countsOf, end, progressOf, run, type RunOptions } from "./running.js";
import { type Job, newestFirst, pageAfter } from "./state.js";

export const BATCHES: HandlersOf<"batch"> = {
  ...BATCH_FILES,
  "batch:submit": (backend, params) => {
    const job = submit(backend, params, "local");
    return params.start === true ? start(backend, job, {}) : wireJob(job);
  },
  "batch:start": (backend, params) => {
    const job = findOwn(backend, params.jobId);
    if (job.status === "completed") {
      throw conflict("Every row of this batch has ended. Retry the failed ones, or submit it anew.");
    }
    return start(backend, job, params);
  },
  "batch:retry-failed": (backend, params) => {
    const job = findOwn(backend, params.jobId);
    refuseRunning(job);
    for (const result of job.results.filter(({ status }) => status.startsWith("error"))) {
      result.status = "pending";
      delete result.error;
      delete result.errorMessage;
    }
    return start(backend, job, params);
  },
  "batch:cancel": (backend, { jobId }) => {
    const job = findOwn(backend, jobId);
    if (job.status === "completed" || job.status === "cancelled") {
      throw conflict("This batch has ended already; there is nothing left to cancel.");
    }
    if (backend.abort({ jobId }) === 0) end(backend, job);
    else job.status = "cancelled";
    return wireJob(job);
  },
  "batch:submit-native": (backend, params) => {
    const provider = findProvider(params.providerName);
    refuseForeignModels(backend, provider, withIds(params.rows));
    const job = submit(backend, params, "native");
    // The simulator numbers what it is asked for, and a batch is an upload and a request.
    const number = 2 * backend.state.jobs.filter(({ mode }) => mode === "native").length;
    job.native = { provider, id: `${NATIVE_IDS[provider]}${String(number).padStart(6, "0")}` };
    start(backend, job, {});
    backend.emit("batch:progress", progressOf(job));
    return {
      jobId: job.id,
      nativeBatchId: job.native.id,
      provider: params.providerName,
      status: "submitted",
    };
  },
  "batch:get-status": (backend, params) =>
    "jobId" in params
      ? wireJob(findJob(backend, params.jobId))
      : nativeStatus(findNative(backend, params.nativeBatchId, params.providerName)),
  "batch:get-results": (backend, params) => {
    if ("nativeBatchId" in params) {
      const { nativeBatchId, providerName } = params;
      const job = backend.state.jobs.find(({ native }) => native?.id === nativeBatchId);
      if (job === undefined) {
        const message = `No batch with the id ${nativeBatchId} was sent to ${providerName} from here.`;
        throw contractError("not_found", message, { retryable: false });
      }
      return job.results.map((result) => ({ ...result, custom_id: `${job.id}/${result.rowIndex}` }));
    }
    const offset = params.offset ?? 0;
    const { results } = findJob(backend, params.jobId);
    return results.slice(
      offset,
      params.limit === null || params.limit === undefined ? undefined : offset + params.limit,
    );
  },
  "batch:update-status": (backend, params) => {
    const job =
      backend.state.jobs.find(({ id }) => id === params.jobId) ?? addRenderersJob(backend, params.jobId);
    if (job.source === "sidecar" && job.status !== "pending") {
      throw conflict("This batch is not run by the app but by the sidecar, which keeps its state itself.");
    }
    if ("rowId" in params) updateRow(job, params);
    else {
      job.told = {
        ...job.told,
        ...(typeof params.totalRows === "number" ? { totalRows: params.totalRows } : {}),
        ...(typeof params.completedRows === "number" ? { completedRows: params.completedRows } : {}),
      };
      if (typeof params.error === "string") job.error = params.error;
    }
    const status = "rowId" in params ? (job.status === "pending" ? "processing" : job.status) : params.status;
    job.status = status === "running" ? "processing" : status;
    const at = backend.now();
    if (job.status !== "pending") job.startedAt ??= at;
    if (job.status !== "pending" && job.status !== "processing") job.completedAt ??= at;
    return wireJob(job);
  },
  "batch:list": ({ state, material }, { projectId, limit, cursor }) => {
    const own = state.jobs.filter((job) => job.projectId === projectId);
    const page = pageAfter(
      newestFirst(own, ({ createdAt }) => createdAt),
      cursor,
      limit,
    );
    if (page === undefined) throw material.error("invalid_params", "batch:list");
    return page.map(wireJob);
  },
  "batch:get": (backend, { jobId }) => wireJob(findJob(backend, jobId)),
  "batch:estimate": (backend, params) => {
    const rows = withIds(params.rows);
    const { projectId } = params;
    if (typeof projectId === "string") findProject(backend, projectId, "batch:estimate");
    checkRows(backend, rows);
    return estimateRows(backend, rows, projectId ?? undefined);
  },
};

const NOTHING_TO_SEND =
  "This project has an answer to every one of these rows already, so there is nothing to send. " +
  "Submit them as a local batch that reuses answers: it costs nothing and has them all.";

const NATIVE_IDS: Readonly<Record<KeyProvider, string>> = {
  openai: "batch_sim",
  anthropic: "msgbatch_sim",
  gemini: "batches/sim",
  grok: "batch_sim",
};

function findProvider(name: string): KeyProvider {
  const found = KEY_PROVIDERS.find((provider) => provider === name);
  if (found !== undefined) return found;
  const message = `There is no provider called ${name}. Known are: ${KEY_PROVIDERS.join(", ")}.`;
  throw contractError("not_found", message, { retryable: false, provider: name });
}

/** Throws `unsupported` for a provider that cannot run the rows as its own batch. */
function refuseForeignModels(backend: Backend, provider: KeyProvider, rows: readonly Row[]): void {
  checkRows(backend, rows);
  const served = rows.map(({ model }) => backend.serving(backend.model(model)));
  const foreign = served.filter((model) => model.provider !== provider || !model.features.includes("batch"));
  if (foreign.length === 0) return;
  const names = [...new Set(foreign.map(nameOf))].join(", ");
  const message = `${provider} does not run these models in batches: ${names}. Run the batch locally, or choose others.`;
  throw contractError("unsupported", message, { retryable: false, provider });
}

function submit(
  backend: Backend,
  params: Parameters<(typeof BATCHES)["batch:submit"]>[1],
  mode: Job["mode"],
): Job {
  const rows = withIds(params.rows);
  backend.open(findProject(backend, params.projectId, "batch:submit"));
  checkRows(backend, rows);
  checkKeys(backend, rows);
  const job: Job = {
    id: backend.uuid(),
    projectId: params.projectId,
    fileName: params.fileName ?? "",
    mode,
    status: "pending",
    source: "sidecar",
    createdAt: backend.now(),
    estimate: costRange(backend, params.rows, rows),
    rows,
    results: rows.map(waitingResult),
  };
  if (params.reuseAnswers === true) {
    reuseAnswers(backend, job);
    const left = job.rows.filter((_, index) => job.results[index]?.status === "pending");
    if (mode === "native" && left.length === 0) throw conflict(NOTHING_TO_SEND);
    if (left.length < rows.length) job.estimate = costRange(backend, [], withIds(left));
  }
  backend.state.jobs.push(job);
  return job;
}

function start(backend: Backend, job: Job, options: RunOptions): BatchJob {
  refuseRunning(job);
  keepToBudget(backend, "batch", job.estimate?.highUSD ?? 0);
  for (const result of job.results) if (result.status === "cancelled") result.status = "pending";
  job.status = "processing";
  job.startedAt = backend.now();
  delete job.completedAt;
  const begun = wireJob(job);
  // The job goes on after its answer; nobody waits for it but those who listen to its progress.
  void run(backend, job, options);
  return begun;
}

function refuseRunning(job: Job): void {
  if (job.status === "processing") {
    throw conflict("This batch is running already. Wait until it ends, or cancel it first.");
  }
}

function findJob(backend: Backend, id: string): Job {
  const found = backend.state.jobs.find((job) => job.id === id);
  if (found === undefined) throw backend.unknown("batch:get");
  return found;
}

/** A job that the page does not run itself. */
function findOwn(backend: Backend, id: string): Job {
  const job = findJob(backend, id);
  if (job.source === "renderer") throw conflict("The app runs this batch itself. Start or stop it there.");
  return job;
}

/** A native batch. One that is not known here is looked for at the provider, which knows it no better. */
function findNative(backend: Backend, nativeId: string, providerName: string): Job {
  const provider = findProvider(providerName);
  const found = backend.state.jobs.find(({ native }) => native?.id === nativeId);
  if (found !== undefined) return found;
  const message = `The ${TITLES[provider]} API rejected the request (404). It says: No batch found with id '${nativeId}'.`;
  throw (
    backend.material.errorSaying("provider_rejected", nativeId) ??
    contractError("provider_rejected", message, { retryable: false, provider, status: 404 })
  );
}

/** A batch that the page announces. */
function addRenderersJob(backend: Backend, id: string): Job {
  const job: Job = {
    id,
    projectId: backend.openProject().id,
    fileName: "",
    mode: "local",
    status: "pending",
    source: "renderer",
    createdAt: backend.now(),
    rows: [],
    results: [],
  };
  backend.state.jobs.push(job);
  return job;
}

/** What the page says of a row. What it does not say stays as it was. */
function updateRow(job: Job, { rowId, status, result }: BatchRowUpdate): void {
  const before = job.results.find(({ id }) => id === rowId);
  const told = Object.entries(result).filter(([, value]) => value !== null && value !== undefined);
  const row = before ?? {
    ...waitingResult({ id: rowId, prompt: "", model: "" }, job.results.length),
    cost_usd: null,
  };
  Object.assign(row, Object.fromEntries(told), { status });
  if (before === undefined) job.results.push(row);
}

function wireJob(job: Job): BatchJob {
  const { totalRows, completedRows, failedRows, costUSD } = countsOf(job);
  const { native } = job;
  return {
    id: job.id,
    projectId: job.projectId,
    fileName: job.fileName,
    mode: job.mode,
    status: job.status,
    totalRows,
    completedRows,
    failedRows,
    totalCost: costUSD,
    createdAt: job.createdAt,
    ...(job.estimate === undefined ? {} : { estimate: estimateOf(job.estimate, job.status, costUSD) }),
    ...(job.startedAt === undefined ? {} : { startedAt: job.startedAt }),
    ...(job.completedAt === undefined ? {} : { completedAt: job.completedAt }),
    ...(job.error === undefined ? {} : { error: job.error }),
    ...(native === undefined
      ? {}
      : {
          native: [
            { provider: native.provider, nativeBatchId: native.id, status: job.status, rows: totalRows },
          ],
        }),
  };
}

/** What it was thought to cost and, once it is completed, by how much that was wrong. */
function estimateOf(kept: BatchCostRange, status: Job["status"], cost: number): BatchCostRange {
  return status === "completed" ? { ...kept, differenceUSD: addUSD(cost, -kept.totalUSD) } : kept;
}

function nativeStatus(job: Job): NativeBatchStatus {
  const { totalRows, completedRows, failedRows } = countsOf(job);
  return {
    id: job.native?.id ?? job.id,
    status: job.status === "processing" ? "in_progress" : job.status,
    request_counts: { total: totalRows, completed: completedRows, failed: failedRows },
    created_at: job.createdAt,
    ...(job.completedAt === undefined ? {} : { completed_at: job.completedAt }),
  };
}

function conflict(message: string): SidecarError {
  return contractError("conflict", message, { retryable: false });
}
