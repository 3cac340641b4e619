import type { Message, Model, WorkTurn } from "@abai/bridge/contract";
import { attach, call, sentence, stream } from "./api.js";
import { Column } from "./column.js";
import { find, make, onSubmit, say } from "./dom.js";
import type { Vote } from "./vote.js";

/** One question to several models at once; their texts stream side by side. */
export class Compare {
  readonly #columns = new Map<string, Column>();
  readonly #ask = find("ask", HTMLButtonElement);
  readonly #stop = find("stop", HTMLButtonElement);
  readonly #status = find("compare-status", HTMLElement);
  readonly #followUp = find("follow-up", HTMLInputElement);
  #conversationId = "";

  constructor(
    readonly vote: Vote,
    readonly onEnd: () => Promise<void>,
  ) {
    onSubmit(find("compare", HTMLFormElement), () => this.#run());
    // By its conversation, so that an answer is stopped also after the page was loaded anew.
    this.#stop.addEventListener("click", () => {
      call("chat:abort", { conversationId: this.#conversationId }).catch((error: unknown) => this.#fail(error));
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

  /** Shows the last question of a conversation with its answers; the next question may go on with it. */
  async open(conversationId: string): Promise<void> {
    const messages = await call("messages:list", { conversationId, limit: 50 });
    const question = messages.findLast(({ role }) => role === "user");
    if (question === undefined) return;
    const answers = messages.filter(({ turnId, role }) => turnId === question.turnId && role === "assistant");
    this.#show(answers.map(({ model }) => model ?? ""));
    for (const answer of answers) this.#columns.get(answer.model ?? "")?.stored(answer);
    this.#ended(conversationId, question.content, answers);
    this.vote.offer(question.turnId, answers.length);
  }

  /** Goes on with answers that were on their way before the page was loaded. */
  async join({ turnId, conversationId, answers }: WorkTurn): Promise<void> {
    if (turnId === undefined || conversationId === undefined) return;
    this.#begin(answers.map(({ modelId }) => modelId));
    this.#conversationId = conversationId;
    await this.#until(async () => {
      const told = attach({ turnId });
      for await (const piece of told) {
        const column = this.#columns.get(piece.type === "done" ? "" : (piece.modelId ?? ""));
        if (piece.type === "so-far") column?.replace(piece.text);
        else if (piece.type === "text") column?.add(piece.text);
        else if (piece.type === "ended") column?.joined(piece.answer);
      }
      const ended = (await told.result).answers;
      this.vote.offer(turnId, ended.filter(({ state }) => state === "whole").length);
      return ending(ended.length, ended.filter(({ error }) => error !== undefined).length);
    });
  }

  async #run(): Promise<void> {
    const content = find("question", HTMLTextAreaElement).value;
    const checked = document.querySelectorAll<HTMLInputElement>("input[name=model]:checked");
    const modelIds = [...checked].map(({ value }) => value);
    if (modelIds.length === 0) return say(this.#status, "Choose at least one model.");
    if (!this.#followUp.checked || this.#conversationId === "") this.#conversationId = crypto.randomUUID();
    this.#begin(modelIds);
    await this.#until(async () => {
      const told = stream("chat:compare", { conversationId: this.#conversationId, content, modelIds });
      for await (const piece of told)
        if (piece.type === "text") this.#columns.get(piece.modelId ?? "")?.add(piece.text);
      const { replies, turnId: asked } = await told.result;
      for (const each of replies) {
        const column = this.#columns.get(each.modelId);
        if ("error" in each) column?.failed(each.error.message);
        else column?.answered(each.reply);
      }
      const failed = replies.filter((each) => "error" in each).length;
      this.vote.offer(asked, replies.length - failed);
      return ending(replies.length, failed);
    });
  }

  /** Waits for the end of all answers, and shows what came of them. */
  async #until(work: () => Promise<string>): Promise<void> {
    try {
      say(this.#status, await work());
    } catch (error) {
      this.#fail(error);
    } finally {
      for (const column of this.#columns.values()) column.close();
      this.#ask.disabled = false;
      this.#stop.disabled = true;
      this.#followUp.disabled = false;
    }
    await this.onEnd().catch((error: unknown) => this.#fail(error));
  }

  #begin(modelIds: readonly string[]): void {
    this.#ask.disabled = true;
    this.#stop.disabled = false;
    this.vote.offer(undefined, 0);
    say(this.#status, `Asking ${modelIds.length} models …`);
    this.#show(modelIds);
  }

  #show(modelIds: readonly string[]): void {
    this.#columns.clear();
    for (const modelId of modelIds) this.#columns.set(modelId, new Column(modelId));
    find("answers", HTMLElement).replaceChildren(...[...this.#columns.values()].map(({ card }) => card));
  }

  #ended(conversationId: string, question: string, answers: readonly Message[]): void {
    this.#conversationId = conversationId;
    this.#followUp.disabled = false;
    this.#followUp.checked = true;
    find("question", HTMLTextAreaElement).value = question;
    say(this.#status, ending(answers.length, 0));
  }

  #fail(error: unknown): void {
    say(this.#status, sentence(error), true);
  }
}

function ending(all: number, failed: number): string {
  const answers = all - failed;
  return `${answers} answer${answers === 1 ? "" : "s"}${failed > 0 ? `, ${failed} failed` : ""}.`;
}
