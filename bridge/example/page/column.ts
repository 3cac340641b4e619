import type { ChatSendResult, Message, WorkAnswer } from "@abai/bridge/contract";
import { make, showUSD } from "./dom.js";
import { showMarkdown } from "./markdown.js";

/** One model's answer: its text as it arrives, then what it cost and how long it took. */
export class Column {
  readonly card: HTMLElement;
  readonly #text = make("div", { class: "answer" });
  readonly #footer = make("footer", { class: "muted" }, "…");
  readonly #copy = make("button", { type: "button", class: "quiet", hidden: true }, "Copy");
  readonly #title: HTMLElement;
  #said = "";

  constructor(modelId: string) {
    this.#title = make("h3", {}, modelId);
    const head = make("header", { class: "card-head" }, this.#title, this.#copy);
    this.card = make(
      "article",
      { class: "card", "aria-busy": "true", "data-model": modelId },
      ...[head, this.#text, this.#footer],
    );
    this.#copy.addEventListener("click", () => {
      void navigator.clipboard.writeText(this.#said).then(() => (this.#copy.textContent = "Copied"));
    });
  }

  /** A piece that has just arrived; as plain text, because half a table is none. */
  add(text: string): void {
    this.#said += text;
    this.#text.append(text);
  }

  /** What takes the place of all that is there. */
  replace(text: string): void {
    this.#said = text;
    this.#text.textContent = text;
  }

  answered({ answer, provider, costUSD, promptTokens, answerTokens, latencyMs, ...bounds }: ChatSendResult): void {
    this.#title.textContent = provider;
    const tokens = `${promptTokens} tokens in, ${answerTokens} out`;
    this.#end(answer, `${showUSD(costUSD, bounds)} · ${tokens} · ${(latencyMs / 1_000).toFixed(1)} s`);
  }

  /** An answer of before, as it was stored. */
  stored({ content, cost, tokensIn, tokensOut, finishReason, ...bounds }: Message): void {
    const stopped = finishReason === "cancelled" || finishReason === "interrupted" ? " · not finished" : "";
    const tokens = `${tokensIn ?? 0} tokens in, ${tokensOut ?? 0} out`;
    this.#end(content, `${showUSD(cost ?? undefined, bounds)} · ${tokens}${stopped}`);
  }

  /** An answer that was joined on its way. */
  joined({ text, costUSD, state, error, ...bounds }: WorkAnswer): void {
    if (error !== undefined) return this.failed(error.message);
    this.#end(text ?? this.#said, `${showUSD(costUSD, bounds)}${state === "whole" ? "" : " · not finished"}`);
  }

  failed(message: string): void {
    this.card.classList.add("failed");
    this.#end(this.#said, message);
  }

  /** Whatever is still open when the request has ended got no answer. */
  close(): void {
    if (this.card.getAttribute("aria-busy") === "true") this.#end(this.#said, "No answer.");
  }

  #end(text: string, words: string): void {
    this.#said = text;
    showMarkdown(this.#text, text);
    this.#footer.textContent = words;
    this.#copy.hidden = text === "";
    this.card.setAttribute("aria-busy", "false");
  }
}
