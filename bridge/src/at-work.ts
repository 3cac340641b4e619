// So many are named, and so much of each name: it is a sentence that a person reads.
const MOST_NAMED = 5;
const MOST_LETTERS = 60;

/** What a sidecar works on: the batches, as far as it has said so, and the calls that it has not answered. */
export class AtWork {
  readonly #jobs = new Set<string>();
  readonly #calls = new Map<symbol, string>();

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

  /** A call has been sent. Returns the function that says that it has ended. */
  called(method: string, params: object | undefined): () => void {
    const call = Symbol(method);
    this.#calls.set(call, described(method, params));
    return () => this.#calls.delete(call);
  }

  jobs(): string[] {
    return [...this.#jobs];
  }

  /** What is at work, as a sentence names it. */
  named(): string[] {
    const jobs = this.jobs();
    const batches = jobs.length === 0 ? [] : [`batch${jobs.length === 1 ? "" : "es"} ${few(jobs)}`];
    // The same is named once: a page asks for the same list from several places.
    const calls = [...new Set(this.#calls.values())];
    const more = calls.length - MOST_NAMED;
    return [...batches, ...calls.slice(0, MOST_NAMED), ...(more > 0 ? [`${more} others`] : [])];
  }
}

/** A question by the models that it goes to, anything else by its method (pure). */
function described(method: string, params: object | undefined): string {
  const { modelId, modelIds } = (params ?? {}) as { modelId?: unknown; modelIds?: unknown };
  const models = (Array.isArray(modelIds) ? modelIds : [modelId]).filter((each) => typeof each === "string");
  return method.startsWith("chat:") && models.length > 0 ? `a question to ${few(models)}` : `the call ${cut(method)}`;
}

function few(names: readonly string[]): string {
  const more = names.length - MOST_NAMED;
  return names.slice(0, MOST_NAMED).map(cut).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function cut(name: string): string {
  return name.length > MOST_LETTERS ? `${name.slice(0, MOST_LETTERS)}…` : name;
}
