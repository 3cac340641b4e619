import type { BatchJob, BatchProgressNotification, BatchResult, Model } from "../../src/contract.js";
import { call, on, sentence } from "./api.js";
import { find, make, onSubmit, say, showUSD } from "./dom.js";

/** Many prompts at once: what they may cost, how far they are, what came of them. */
export class Batch {
  readonly #start = find("batch-start", HTMLButtonElement);
  readonly #cancel = find("batch-cancel", HTMLButtonElement);
  readonly #bar = find("batch-progress", HTMLProgressElement);
  readonly #status = find("batch-status", HTMLElement);
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
    on("batch:progress", (progress) => {
      if (progress.jobId !== this.#jobId) return;
      this.#show(progress);
      if (progress.status !== "processing") void this.#finish(progress.jobId);
    });
  }

  offer(models: readonly Model[]): void {
    const options = models
      .filter(({ status, aliasOf }) => status !== "retired" && aliasOf === undefined)
      .map((model) =>
        make("option", { value: `${model.provider}/${model.id}` }, `${model.name} (${model.provider})`),
      );
    find("batch-model", HTMLSelectElement).replaceChildren(...options);
  }

  async #submit(): Promise<void> {
    const projectId = this.projectId();
    const model = find("batch-model", HTMLSelectElement).value;
    const prompts = find("batch-prompts", HTMLTextAreaElement).value.split("\n");
    const rows = prompts.filter((prompt) => prompt.trim() !== "").map((prompt) => ({ prompt, model }));
    if (projectId === undefined || rows.length === 0) return say(this.#status, "Write at least one prompt.");
    this.#start.disabled = true;
    find("batch-results", HTMLElement).replaceChildren();
    try {
      const job = await call("batch:submit", { projectId, rows });
      this.#jobId = job.id;
      this.#cancel.disabled = false;
      this.#bar.value = 0;
      say(this.#status, `${rows.length} rows, up to ${showUSD(job.estimate?.highUSD)}.`);
      await call("batch:start", { jobId: job.id });
    } catch (error) {
      this.#fail(error);
      this.#start.disabled = false;
      this.#cancel.disabled = true;
    }
  }

  #show({
    percentage,
    completedRows,
    failedRows,
    totalRows,
    costUSD,
    etaSeconds,
  }: BatchProgressNotification): void {
    this.#bar.value = percentage;
    const left = etaSeconds === undefined ? "" : `, about ${Math.ceil(etaSeconds)} s left`;
    const failed = failedRows === 0 ? "" : `, ${failedRows} failed`;
    say(this.#status, `${completedRows} of ${totalRows} rows${failed}, ${showUSD(costUSD)}${left}.`);
  }

  async #finish(jobId: string): Promise<void> {
    this.#start.disabled = false;
    this.#cancel.disabled = true;
    try {
      const [job, results] = await Promise.all([
        call("batch:get", { jobId }),
        call("batch:get-results", { jobId, limit: 100 }),
      ]);
      say(this.#status, ending(job));
      find("batch-results", HTMLElement).replaceChildren(...results.map(row));
      await this.onEnd();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    say(this.#status, sentence(error), true);
  }
}

function ending({ status, completedRows, totalRows, totalCost }: BatchJob): string {
  return `${status === "completed" ? "Done" : "Stopped"}: ${completedRows} of ${totalRows} rows, ${showUSD(totalCost)}.`;
}

function row({ prompt, status, response, errorMessage, cost_usd: cost }: BatchResult): HTMLTableRowElement {
  return make(
    "tr",
    {},
    make("td", {}, prompt),
    make("td", {}, make("span", { class: `badge ${status === "success" ? "good" : "bad"}` }, status)),
    make("td", { class: "response" }, response ?? errorMessage ?? ""),
    make("td", { class: "number" }, cost === null ? "unpriced" : showUSD(cost)),
  );
}
