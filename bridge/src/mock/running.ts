import type { BatchProgressNotification, BatchResult, BatchRow } from "../contract.js";
import { SidecarError } from "../errors.js";
import { answerOf, countCall } from "./chat.js";
import { orderedMs } from "./replies.js";
import { addUSD, type Job, type Store } from "./store.js";

const ROWS_AT_ONCE = 4;
// How often the sidecar sends what may succeed the next time.
const MOST_ATTEMPTS = 5;

export interface RunOptions {
  concurrency?: number | null | undefined;
  notifyRows?: boolean | null | undefined;
}

/** Answer the rows that wait, one after the other as fast as several at once would be, and tell of it. */
export async function run(store: Store, job: Job, { concurrency, notifyRows }: RunOptions): Promise<void> {
  const number = ++job.runs;
  const rowMs = store.pace.rowMs / (concurrency ?? ROWS_AT_ONCE);
  for (const result of job.results.filter(({ status }) => status === "pending")) {
    await store.pause(orderedMs(result.prompt, "slow_first_ms") ?? rowMs);
    if (job.runs !== number) return;
    answerRow(store, job, result);
    if (notifyRows === true) store.emit("batch:row-done", { jobId: job.id, result });
    store.emit("batch:progress", progressOf(job, rowMs));
  }
  if (job.runs === number) end(store, job, "completed");
}

/** End a job: rows that still wait are cancelled. */
export function end(store: Store, job: Job, status: "completed" | "cancelled"): void {
  job.runs += 1;
  for (const result of job.results) if (result.status === "pending") result.status = "cancelled";
  job.status = status;
  job.completedAt = store.now();
  store.emit("batch:progress", progressOf(job));
}

/** A row that waits. Variables stand in its prompt as the sidecar would show them. */
export function waitingResult(row: BatchRow & { id: string }, rowIndex: number): BatchResult {
  const { id, prompt, model, data } = row;
  const shown = prompt.replace(/\{\{\s*([^{}]+?)\s*\}\}/g, (_, name: string) => String(data?.[name] ?? ""));
  return {
    ...{ id, rowIndex, prompt: shown, model, status: "pending" },
    ...{ tokens_in: 0, tokens_out: 0, cost_usd: 0, latency_ms: 0, attempts: 0 },
    ...(data === null || data === undefined ? {} : { data }),
  };
}

export function progressOf(job: Job, rowMs = 0): BatchProgressNotification {
  const { completedRows, failedRows, totalRows, costUSD } = countsOf(job);
  const left = totalRows - completedRows - failedRows;
  return {
    ...{ jobId: job.id, status: job.status, completedRows, failedRows, totalRows, costUSD },
    percentage: totalRows === 0 ? 100 : Math.round((10_000 * (totalRows - left)) / totalRows) / 100,
    ...(rowMs > 0 ? { rowsPerSecond: 1_000 / rowMs, etaSeconds: (left * rowMs) / 1_000 } : {}),
  };
}

/** How many rows there are and how they ended; where the page only told numbers, those. */
export function countsOf({
  results,
  reported = {},
}: Job): Record<"totalRows" | "completedRows" | "failedRows" | "costUSD", number> {
  return {
    totalRows: Math.max(reported.totalRows ?? 0, results.length),
    completedRows: reported.completedRows ?? results.filter(({ status }) => status === "success").length,
    failedRows: results.filter(({ status }) => status.startsWith("error")).length,
    costUSD: addUSD(...results.map(({ cost_usd: cost }) => cost)),
  };
}

function answerRow(store: Store, job: Job, result: BatchResult): void {
  const { jsonMode = null, jsonSchema = null, maxOutputTokens = null } = job.rows[result.rowIndex] ?? {};
  try {
    const model = store.model(result.model);
    const reply = answerOf(store, result.prompt, model, { jsonMode, jsonSchema, maxOutputTokens });
    Object.assign(result, {
      ...{ status: "success", response: reply.answer, cost_usd: reply.costUSD ?? null },
      ...{ tokens_in: reply.promptTokens, tokens_out: reply.answerTokens },
    });
    result.attempts += 1;
    countCall(store, reply, job);
  } catch (error) {
    if (!(error instanceof SidecarError)) throw error;
    result.attempts += error.retryable ? MOST_ATTEMPTS : 1;
    result.status = error.kind === "missing_api_key" ? "error-missing-key" : "error-api";
    Object.assign(result, { error: error.kind, errorMessage: error.message });
  }
}
