import type { BatchJob, BatchProgressNotification, BatchResult, Model } from "@abai/bridge/contract";
import { call, on, sentence } from "./api.js";
import { find, make, onSubmit, say, showUSD } from "./dom.js";
import { mayCost } from "./question.js";

// A page shows no more rows than somebody reads; all of them are in the file that an export writes.
const SHOWN = 100;

/** Many prompts at once, each to one or several models: what they may cost, how far they are, what came of them. */
export class Batch {
  readonly #start = find("batch-start", HTMLButtonElement);
  readonly #cancel = find("batch-cancel", HTMLButtonElement);
  readonly #bar = find("batch-progress", HTMLProgressElement);
  readonly #status = find("batch-status", HTMLElement);
  readonly #rows = find("batch-results", HTMLElement);
  #jobId: string | undefined;

  constructor(
    readonly projectId: () => string | undefined,
    readonly onEnd: () => Promise<void>,
  ) {
    onSubmit(find("batch", HTMLFormElement), () => this.#submit());
    this.#cancel.addEventListener("click", () => {
      if (this.#jobId === undefined) return;
      call("batch:cancel", { jobId: this.#jobId }).catch((error: unknown) => this.#fail(error));
    });
    on("batch:row-done", ({ jobId, result }) => {
      if (jobId === this.#jobId && this.#rows.childElementCount < SHOWN) this.#rows.append(row(result));
    });
    on("batch:progress", (progress) => {
      if (progress.jobId !== this.#jobId) return;
      this.#show(progress);
      if (progress.status !== "processing") void this.#finish(progress.jobId);
    });
  }

  offer(models: readonly Model[]): void {
    const options = models
      .filter(({ status, aliasOf }) => status !== "retired" && aliasOf === undefined)
      .map((model, index) =>
        make(
          "option",
          { value: `${model.provider}/${model.id}`, selected: index === 0 },
          `${model.name} (${model.provider})`,
        ),
      );
    find("batch-models", HTMLSelectElement).replaceChildren(...options);
  }

  /** Goes on with a job that was under way before the page was loaded. */
  async join(job: BatchJob): Promise<void> {
    this.#jobId = job.id;
    this.#start.disabled = true;
    this.#cancel.disabled = false;
    const { completedRows, failedRows, totalRows } = job;
    this.#bar.value = (100 * (completedRows + failedRows)) / totalRows;
    say(this.#status, `${completedRows} of ${totalRows} rows.`);
    await this.#results(job.id);
  }

  async #submit(): Promise<void> {
    const projectId = this.projectId();
    const chosen = [...find("batch-models", HTMLSelectElement).selectedOptions].map(({ value }) => value);
    const prompts = find("batch-prompts", HTMLTextAreaElement).value.split("\n");
    const rows = prompts
      .filter((prompt) => prompt.trim() !== "")
      .flatMap((prompt) => chosen.map((model) => ({ prompt, model })));
    if (projectId === undefined || rows.length === 0) {
      return say(this.#status, "Write at least one prompt, and choose a model.");
    }
    this.#start.disabled = true;
    try {
      const { totalUSD, highUSD } = await call("batch:estimate", { rows });
      const words = `${rows.length} rows, about ${showUSD(totalUSD)} and at most ${showUSD(highUSD)}. Run them?`;
      if (!(await mayCost(words))) {
        this.#start.disabled = false;
        return say(this.#status, "Nothing was sent.");
      }
      const job = await call("batch:submit", { projectId, rows });
      this.#jobId = job.id;
      this.#cancel.disabled = false;
      this.#bar.value = 0;
      this.#rows.replaceChildren();
      await call("batch:start", { jobId: job.id, notifyRows: true });
    } catch (error) {
      this.#fail(error);
      this.#start.disabled = false;
      this.#cancel.disabled = true;
    }
  }

  #show(told: BatchProgressNotification): void {
    const { completedRows, failedRows, totalRows, etaSeconds } = told;
    this.#bar.value = told.percentage;
    const left = etaSeconds === undefined ? "" : `, about ${Math.ceil(etaSeconds)} s left`;
    const failed = failedRows === 0 ? "" : `, ${failedRows} failed`;
    say(this.#status, `${completedRows} of ${totalRows} rows${failed}, ${showUSD(told.costUSD)}${left}.`);
  }

  async #finish(jobId: string): Promise<void> {
    this.#start.disabled = false;
    this.#cancel.disabled = true;
    try {
      say(this.#status, ending(await call("batch:get", { jobId })));
      await this.#results(jobId);
      await this.onEnd();
    } catch (error) {
      this.#fail(error);
    }
  }

  async #results(jobId: string): Promise<void> {
    const results = await call("batch:get-results", { jobId, limit: SHOWN });
    const ended = results.filter(({ status }) => status !== "pending" && status !== "processing");
    this.#rows.replaceChildren(...ended.map(row));
  }

  #fail(error: unknown): void {
    say(this.#status, sentence(error), true);
  }
}

function ending({ status, completedRows, totalRows, totalCost }: BatchJob): string {
  const done = status === "completed" ? "Done" : "Stopped";
  return `${done}: ${completedRows} of ${totalRows} rows, ${showUSD(totalCost)}.`;
}

function row({ prompt, model, status, ...result }: BatchResult): HTMLTableRowElement {
  return make(
    "tr",
    {},
    make("td", {}, prompt),
    make("td", {}, model),
    make("td", {}, make("span", { class: `badge ${status === "success" ? "good" : "bad"}` }, status)),
    make("td", { class: "response" }, result.response ?? result.errorMessage ?? ""),
    make("td", { class: "number" }, showUSD(result.cost_usd ?? undefined, result)),
    make("td", { class: "number" }, `${(result.latency_ms / 1_000).toFixed(1)} s`),
  );
}
