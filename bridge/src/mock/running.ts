import type { BatchProgressNotification, BatchResult } from "../contract.js";
import { SidecarError } from "../errors.js";
import { answerTo, recordedRow } from "./answers.js";
import { type Backend, nameOf } from "./backend.js";
import { directivesIn, errorOfStatus } from "./directives.js";
import { addUSD } from "./money.js";
import { optionsOf } from "./rows.js";
import { checkKey } from "./keys.js";
import type { Job } from "./state.js";

const ROWS_AT_ONCE = 4;
const PROGRESS_EVERY_MS = 100;
// How often the sidecar sends what may succeed the next time.
const MOST_ATTEMPTS = 5;

export interface RunOptions {
  concurrency?: number | null | undefined;
  notifyRows?: boolean | null | undefined;
}

/** Answers the rows that wait, a few at once, and tells of it. Resolves when the job has ended. */
export async function run(backend: Backend, job: Job, options: RunOptions): Promise<void> {
  const running = { jobId: job.id, abort: new AbortController() };
  backend.running.add(running);
  const { signal } = running.abort;
  const waiting = job.results.filter(({ status }) => status === "pending");
  const begun = Date.now();
  let toldAt = 0;
  const work = async (): Promise<void> => {
    for (let result = waiting.shift(); result !== undefined && !signal.aborted; result = waiting.shift()) {
      result.status = "processing";
      await backend.pause(backend.pace.rowMs, signal);
      if (signal.aborted) result.status = "pending";
      else answerRow(backend, job, result);
      if (result.status === "pending") continue;
      if (options.notifyRows === true)
        backend.emit("batch:row-done", { jobId: job.id, result: { ...result } });
      if (waiting.length === 0 || Date.now() - toldAt < PROGRESS_EVERY_MS) continue;
      toldAt = Date.now();
      backend.emit("batch:progress", progressOf(job, toldAt - begun));
    }
  };
  try {
    const workers = Math.max(1, options.concurrency ?? ROWS_AT_ONCE);
    await Promise.all(Array.from({ length: Math.min(workers, waiting.length) }, work));
  } finally {
    backend.running.delete(running);
  }
  end(backend, job);
  backend.emit("batch:progress", progressOf(job));
}

/** Ends a job: rows that still wait are cancelled. */
export function end(backend: Backend, job: Job): void {
  const left = job.results.filter(({ status }) => status === "pending" || status === "processing");
  for (const result of left) result.status = "cancelled";
  const cancelled = job.results.some(({ status }) => status === "cancelled");
  job.status = cancelled ? "cancelled" : "completed";
  job.completedAt = backend.now();
}

function answerRow(backend: Backend, job: Job, result: BatchResult): void {
  const row = job.rows[result.rowIndex];
  if (row === undefined) return;
  result.latency_ms = Math.round(backend.pace.rowMs);
  try {
    const model = backend.model(row.model);
    const served = backend.serving(model);
    checkKey(backend, served.provider, row.model);
    const question = { content: result.prompt, modelId: row.model, options: optionsOf(row) };
    const recorded = recordedRow(result.prompt, row.model, backend.material);
    const { status } = directivesIn(result.prompt);
    if (status !== undefined) throw errorOfStatus(status, model);
    const { answer, usage, costUSD } = answerTo(backend, question, model);
    const cost = recorded?.cost_usd ?? costUSD;
    const tokens = {
      tokensIn: recorded?.tokens_in ?? usage.prompt_tokens,
      tokensOut: recorded?.tokens_out ?? usage.completion_tokens,
    };
    result.attempts += 1;
    Object.assign(result, {
      status: "success",
      response: recorded?.response ?? answer,
      tokens_in: tokens.tokensIn,
      tokens_out: tokens.tokensOut,
      cost_usd: cost ?? null,
    });
    const at = backend.now();
    const { projectId, id: jobId } = job;
    backend.state.calls.push({ at, model: nameOf(served), projectId, jobId, ...tokens, cost });
  } catch (error) {
    if (!(error instanceof SidecarError)) throw error;
    result.attempts += error.retryable ? MOST_ATTEMPTS : 1;
    result.status = error.kind === "missing_api_key" ? "error-missing-key" : "error-api";
    result.error = error.kind;
    result.errorMessage = error.message;
  }
}

export function progressOf(job: Job, passedMs = 0): BatchProgressNotification {
  const { completedRows, failedRows, totalRows, costUSD } = countsOf(job);
  const ended = completedRows + failedRows;
  const perSecond = passedMs > 0 ? (ended * 1_000) / passedMs : 0;
  return {
    jobId: job.id,
    status: job.status,
    completedRows,
    failedRows,
    totalRows,
    percentage: totalRows === 0 || ended >= totalRows ? 100 : Math.round((10_000 * ended) / totalRows) / 100,
    costUSD,
    ...(perSecond > 0 && ended < totalRows
      ? {
          rowsPerSecond: Math.round(perSecond * 100) / 100,
          etaSeconds: Math.round(((totalRows - ended) / perSecond) * 10) / 10,
        }
      : {}),
  };
}

/** How many rows there are and how they ended; where the page only told numbers, those. */
export function countsOf(job: Job): {
  totalRows: number;
  completedRows: number;
  failedRows: number;
  costUSD: number;
} {
  const completed = job.results.filter(({ status }) => status === "success").length;
  return {
    totalRows: Math.max(job.told?.totalRows ?? 0, job.results.length),
    completedRows: job.told?.completedRows ?? completed,
    failedRows: job.results.filter(({ status }) => status.startsWith("error")).length,
    costUSD: addUSD(...job.results.map(({ cost_usd: cost }) => cost ?? 0)),
  };
}
