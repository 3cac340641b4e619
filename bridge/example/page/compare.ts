import type { CompareReply, Model } from "../../src/contract.js";
import { call, on, sentence } from "./api.js";
import { find, make, onSubmit, say, showUSD } from "./dom.js";

interface Column {
  card: HTMLElement;
  text: HTMLElement;
  footer: HTMLElement;
}

let lastToken = 0;

/** One question to several models at once; their texts stream side by side. */
export class Compare {
  readonly #columns = new Map<string, Column>();
  readonly #ask = find("ask", HTMLButtonElement);
  readonly #stop = find("stop", HTMLButtonElement);
  readonly #status = find("compare-status", HTMLElement);
  #conversationId = "";

  constructor(readonly onEnd: () => Promise<void>) {
    onSubmit(find("compare", HTMLFormElement), () => this.#run());
    this.#stop.addEventListener("click", () => {
      call("chat:abort", { conversationId: this.#conversationId }).catch((error: unknown) =>
        this.#fail(error),
      );
    });
  }

  /** One model of each provider, the first of them chosen. */
  offer(models: readonly Model[]): void {
    const offered = ["openai", "anthropic", "gemini", "grok"].flatMap((provider) => {
      const model = models.find((each) => each.provider === provider && each.status !== "retired");
      return model === undefined ? [] : [model];
    });
    const boxes = offered.map((model, index) => {
      const name = `${model.provider}/${model.id}`;
      const box = make("input", { type: "checkbox", name: "model", value: name, checked: index < 3 });
      return make("label", { class: "chip" }, box, model.name);
    });
    find("models", HTMLElement).replaceChildren(...boxes);
  }

  async #run(): Promise<void> {
    const content = find("question", HTMLTextAreaElement).value;
    const checked = document.querySelectorAll<HTMLInputElement>("input[name=model]:checked");
    const modelIds = [...checked].map(({ value }) => value);
    if (modelIds.length === 0) {
      say(this.#status, "Choose at least one model.");
      return;
    }
    this.#begin(modelIds);
    const partialResultToken = `compare-${++lastToken}`;
    const off = on("$/progress", ({ token, value }) => {
      if (token !== partialResultToken || value.type !== "text") return;
      this.#columns.get(value.modelId ?? "")?.text.append(value.text);
    });
    try {
      const params = { conversationId: this.#conversationId, content, modelIds, partialResultToken };
      const { replies } = await call("chat:compare", params);
      for (const reply of replies) this.#end(reply);
      say(this.#status, ending(replies));
    } catch (error) {
      this.#fail(error);
    } finally {
      off();
      for (const { card, footer } of this.#columns.values()) {
        if (card.getAttribute("aria-busy") === "true") footer.textContent = "No answer.";
        card.setAttribute("aria-busy", "false");
      }
      this.#ask.disabled = false;
      this.#stop.disabled = true;
    }
    await this.onEnd().catch((error: unknown) => this.#fail(error));
  }

  #fail(error: unknown): void {
    say(this.#status, sentence(error), true);
  }

  #begin(modelIds: readonly string[]): void {
    this.#conversationId = crypto.randomUUID();
    this.#ask.disabled = true;
    this.#stop.disabled = false;
    say(this.#status, `Asking ${modelIds.length} models …`);
    this.#columns.clear();
    for (const modelId of modelIds) {
      const text = make("p", { class: "answer" });
      const footer = make("footer", { class: "muted" }, "…");
      const card = make(
        "article",
        { class: "card", "aria-busy": "true", "data-model": modelId },
        make("h3", {}, modelId),
        text,
        footer,
      );
      this.#columns.set(modelId, { card, text, footer });
    }
    find("answers", HTMLElement).replaceChildren(...[...this.#columns.values()].map(({ card }) => card));
  }

  #end(reply: CompareReply): void {
    const column = this.#columns.get(reply.modelId);
    if (column === undefined) return;
    column.card.setAttribute("aria-busy", "false");
    if ("error" in reply) {
      column.card.classList.add("failed");
      column.footer.textContent = reply.error.message;
      return;
    }
    const { answer, provider, costUSD, promptTokens, answerTokens } = reply.reply;
    column.text.textContent = answer;
    column.card.querySelector("h3")?.replaceChildren(provider);
    column.footer.textContent = `${showUSD(costUSD)} · ${promptTokens} tokens in, ${answerTokens} out`;
  }
}

function ending(replies: readonly CompareReply[]): string {
  const failed = replies.filter((reply) => "error" in reply).length;
  const answers = replies.length - failed;
  return `${answers} answer${answers === 1 ? "" : "s"}${failed > 0 ? `, ${failed} failed` : ""}.`;
}
