import { type Exchange, exchanges } from "../exchange.js";
import { type Bindings, mismatch, type Recording } from "../replay.js";

type Params = Readonly<Record<string, unknown>>;

/** A recorded exchange that is about a request, and what its ids stand for in this page. */
export interface Match {
  exchange: Exchange;
  bindings: Bindings;
}

/** The recordings that a page has gone along so far, request by request: what they hold next is what is played. */
export class Tracks {
  #left: { rest: readonly Exchange[]; bindings: Bindings }[];

  constructor(recordings: readonly Recording[]) {
    // A page sends only requests with such names; the others are about the process.
    const asked = recordings.map((each) => exchanges(each).filter(({ method }) => method.includes(":")));
    this.#left = asked.map((rest) => ({ rest, bindings: new Map() }));
  }

  /** Go along with a request; return where it is recorded, all that came before it included. */
  follow(method: string, params: Params): Match[] {
    const found = this.#left.flatMap(({ rest: [exchange, ...rest], bindings }) => {
      if (exchange?.method !== method) return [];
      const bound = new Map(bindings);
      const fits = mismatch(exchange.params, params, bound) === undefined;
      return fits ? [{ exchange, rest, bindings: bound }] : [];
    });
    this.#left = found;
    return found;
  }
}

/** Keep which ids an answer gave to what the recordings name. */
export function learn(matches: readonly Match[], result: unknown): void {
  for (const { exchange, bindings } of matches) {
    if ("result" in exchange.response) mismatch(exchange.response.result, result, bindings);
  }
}
