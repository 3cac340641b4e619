import type { BatchResult, BatchRow } from "../contract.js";
import { type Backend, nameOf } from "./backend.js";
import { fillIn, optionsOf } from "./rows.js";
import type { Job } from "./state.js";

/** What earlier batches of a project answered. Unlike the sidecar, it does not mind settings that have changed since. */
export function earlierAnswers(
  backend: Backend,
  projectId: string | undefined,
): (row: BatchRow) => BatchResult | undefined {
  const known = new Map<string, BatchResult>();
  for (const job of backend.state.jobs.filter((each) => each.projectId === projectId)) {
    for (const result of job.results) {
      const row = job.rows[result.rowIndex];
      if (row !== undefined && result.status === "success") known.set(questionOf(backend, row), result);
    }
  }
  return (row) => known.get(questionOf(backend, row));
}

/** Gives the rows of a new job the answers that there are already, unasked and free. */
export function reuseAnswers(backend: Backend, job: Job): void {
  const earlier = earlierAnswers(backend, job.projectId);
  for (const result of job.results) {
    const row = job.rows[result.rowIndex];
    const { response, tokens_in, tokens_out } = (row && earlier(row)) ?? {};
    if (response !== undefined) Object.assign(result, { status: "success", response, tokens_in, tokens_out });
  }
}

function questionOf(backend: Backend, row: BatchRow): string {
  const model = nameOf(backend.serving(backend.model(row.model)));
  const { developer = null, temperature = null } = row;
  return JSON.stringify([model, fillIn(row.prompt, row.data), optionsOf(row), developer, temperature]);
}
