import type { CompareStanding, CompareVote } from "@abai/bridge/contract";
import { call, sentence } from "./api.js";
import { find, make, say, showUSD } from "./dom.js";
import { showMarkdown } from "./markdown.js";

/** Which answer is best, asked without saying whose it is; then whose it was, and how the models do so far. */
export class Vote {
  readonly #begin = find("vote", HTMLButtonElement);
  readonly #place = find("ballot", HTMLElement);
  readonly #status = find("vote-status", HTMLElement);
  #turnId = "";

  constructor(readonly projectId: () => string | undefined) {
    this.#begin.addEventListener("click", () => void this.#tell(() => this.#show()));
  }

  /** A vote on these answers is possible from now on; without two of them there is none. */
  offer(turnId: string | undefined, answers: number): void {
    this.#turnId = turnId ?? "";
    this.#begin.hidden = this.#turnId === "" || answers < 2;
    this.#place.replaceChildren();
    say(this.#status, "");
  }

  async #show(): Promise<void> {
    const { ballotId, answers } = await call("compare:ballot", { turnId: this.#turnId });
    const choose = (winner: string, words: string): HTMLButtonElement => {
      const button = make("button", { type: "button" }, words);
      button.addEventListener("click", () => void this.#tell(() => this.#vote(ballotId, winner)));
      return button;
    };
    const cards = answers.map(({ label, text }) => {
      const answer = make("div", { class: "answer" });
      showMarkdown(answer, text);
      return make("article", { class: "card" }, make("h3", {}, label), answer, choose(label, `${label} is best`));
    });
    this.#place.replaceChildren(make("div", { class: "columns" }, ...cards), choose("tie", "They are equal"));
    say(this.#status, "Which is best? Nobody is named until you have said.");
  }

  async #vote(ballotId: string, winner: string): Promise<void> {
    const vote = await call("compare:vote", { ballotId, winner });
    this.#begin.hidden = true;
    say(this.#status, said(vote));
    const { models } = await call("compare:board", { projectId: this.projectId() ?? vote.projectId });
    const rows = models.map((each) => {
      const counts = [each.wins, each.losses, each.ties].map(String);
      const cells = [each.rating.toFixed(0), ...counts, perWin(each)];
      const name = make("th", { scope: "row" }, each.model);
      return make("tr", {}, name, ...cells.map((cell) => make("td", { class: "number" }, cell)));
    });
    const names = ["Model", "Rating", "Wins", "Losses", "Ties", "A win"];
    const head = names.map((name, place) => make("th", { scope: "col", class: place === 0 ? "" : "number" }, name));
    const caption = make("caption", {}, "Votes of this project");
    this.#place.replaceChildren(
      make("table", {}, caption, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows)),
    );
  }

  async #tell(work: () => Promise<void>): Promise<void> {
    await work().catch((error: unknown) => say(this.#status, sentence(error), true));
  }
}

function perWin({ usdPerWin, wins, costAtLeastUSD, costAtMostUSD }: CompareStanding): string {
  if (usdPerWin !== undefined) return showUSD(usdPerWin);
  if (wins === 0 || costAtLeastUSD === undefined) return "–";
  const most = costAtMostUSD === undefined ? {} : { costAtMostUSD: costAtMostUSD / wins };
  return showUSD(undefined, { costAtLeastUSD: costAtLeastUSD / wins, ...most });
}

function said({ answers, winner }: CompareVote): string {
  const names = answers.map(({ label, model, costUSD, ...bounds }) => `${label} was ${model}, ${showUSD(costUSD, bounds)}`);
  return `${winner === "tie" ? "A tie" : `${winner} it is`}: ${names.join("; ")}.`;
}
