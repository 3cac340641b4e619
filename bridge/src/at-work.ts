/** Which batches a sidecar works on, as far as it has said so. */
export class AtWork {
  readonly #jobs = new Set<string>();

  /** A new run goes on with these. */
  begin(jobs: readonly string[]): void {
    this.#jobs.clear();
    for (const job of jobs) this.#jobs.add(job);
  }

  notified(name: string, params: unknown): void {
    if (name !== "batch:progress" || typeof params !== "object" || params === null) return;
    const { jobId, status } = params as { jobId?: unknown; status?: unknown };
    if (typeof jobId !== "string") return;
    if (status === "processing") this.#jobs.add(jobId);
    else this.#jobs.delete(jobId);
  }

  jobs(): string[] {
    return [...this.#jobs];
  }
}
