import type { BatchProgressNotification, BatchResult, BatchRow } from "../contract.js";
import { SidecarError } from "../errors.js";
import { answerOf } from "./chat.js";
import { orderedMs } from "./replies.js";
import { addUSD, type Job, type Store } from "./store.js";

/** Answer the rows that wait, one after the other, and tell of it. */
export async function run(store: Store, job: Job, tellsRows: boolean): Promise<void> {
  const number = ++job.runs;
  const { rowMs } = store.pace;
  for (const result of job.results.filter(({ status }) => status === "pending")) {
    await store.pause(orderedMs(result.prompt, "slow_first_ms") ?? rowMs);
    if (job.runs !== number) return;
    answerRow(store, job, result);
    if (tellsRows) store.emit("batch:row-done", { jobId: job.id, result });
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

/** How many rows there are and how they ended. */
export function countsOf({
  results,
  announcedRows = 0,
}: Job): Record<"totalRows" | "completedRows" | "failedRows" | "costUSD", number> {
  return {
    totalRows: Math.max(announcedRows, results.length),
    completedRows: results.filter(({ status }) => status === "success").length,
    failedRows: results.filter(({ status }) => status.startsWith("error")).length,
    costUSD: addUSD(...results.map(({ cost_usd: cost }) => cost)),
  };
}

function progressOf(job: Job, rowMs = 0): BatchProgressNotification {
  const { completedRows, failedRows, totalRows, costUSD } = countsOf(job);
  const left = totalRows - completedRows - failedRows;
  return {
    ...{ jobId: job.id, status: job.status, completedRows, failedRows, totalRows, costUSD },
    percentage: totalRows === 0 ? 100 : Math.round((10_000 * (totalRows - left)) / totalRows) / 100,
    ...(rowMs > 0 ? { rowsPerSecond: 1_000 / rowMs, etaSeconds: (left * rowMs) / 1_000 } : {}),
  };
}

function answerRow(store: Store, job: Job, result: BatchResult): void {
  const { jsonMode = null, jsonSchema = null, maxOutputTokens = null } = job.rows[result.rowIndex] ?? {};
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
    result.status = error.kind === "missing_api_key" ? "error-missing-key" : "error-api";
    Object.assign(result, { error: error.kind, errorMessage: error.message });
  }
}
