import { ERROR_CODES, type ErrorKind, type ErrorObject } from "../contract.js";
import { errorFromWire, type SidecarError } from "../errors.js";
import { type Exchange, exchanges } from "../exchange.js";
import { type Bindings, fill, type Ids, mismatch, type Recording } from "../replay.js";

/** The contract as `rpc.discover` gives it: the members that are used here. */
export interface ContractDocument {
  methods: readonly {
    name: string;
    "x-aliases"?: readonly string[];
    examples?: readonly {
      params: readonly { name: string; value: unknown }[];
      result?: { value: unknown };
    }[];
  }[];
  components?: { errors?: Readonly<Record<string, ErrorObject>> };
}

/** What the mock plays; `scripts/build-mock.mjs` puts it together. */
export interface MockFixtures {
  recordings: readonly Recording[];
  contract: ContractDocument;
}

interface Told {
  notification: string;
  params: unknown;
}

/** A recorded exchange that is about a request, and what its ids stand for in this page. */
export interface Match {
  exchange: Exchange;
  bindings: Bindings;
}

type Params = Readonly<Record<string, unknown>>;

// Errors that may follow from a request alone. All others depend on what went before.
const OF_THE_REQUEST: ReadonlySet<unknown> = new Set<ErrorKind>([
  "invalid_params",
  "not_found",
  "invalid_output",
  "unsupported",
]);

/** What the recordings and, failing those, the contract's examples answer. */
export class Fixtures {
  readonly exchanges: readonly Exchange[];
  readonly #refusals: readonly Exchange[];
  readonly #contract: ContractDocument;
  readonly #ids: Ids;
  /** What is left of the recordings that the page has gone along so far, request by request. */
  #left: { rest: readonly Exchange[]; bindings: Bindings }[];

  constructor({ recordings, contract }: MockFixtures, ids: Ids) {
    this.#contract = contract;
    this.#ids = ids;
    const recorded = recordings.map(exchanges);
    this.exchanges = recorded.flat();
    this.#refusals = this.exchanges.filter((exchange) => this.#refusesAlways(exchange));
    // A page sends only requests with such names; the others are about the process.
    const asked = recorded.map((each) => each.filter(({ method }) => method.includes(":")));
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

  /**
   * Give what is recorded where the page is in a recording, else for exactly these params, else the first result of
   * the method, else its example, and what was told with it.
   */
  play(method: string, params: Params, match?: Match): { result: unknown; told: Told[]; progress: unknown[] } {
    const results = this.exchanges.filter((each) => each.method === method && "result" in each.response);
    const bound: Bindings = match?.bindings ?? new Map();
    const played = match?.exchange ?? results.find((each) => fits(each, params)) ?? results[0];
    if (played !== undefined && match === undefined) mismatch(played.params, params, bound, { anyId: true });
    const example = this.#contract.methods.find(({ name }) => name === method)?.examples?.[0]?.result?.value;
    const { response = { result: example ?? null }, events = [] } = played ?? {};
    const filled = (pattern: unknown): unknown => fill(pattern, bound, this.#ids);
    return {
      told: events.flatMap((each) => ("notification" in each ? [{ ...each, params: filled(each.params) }] : [])),
      progress: events.flatMap((each) => ("progress" in each ? [filled(each.progress)] : [])),
      result: filled("result" in response ? response.result : null),
    };
  }

  /** Return the error that is recorded where the page is in a recording, or that nothing could have changed. */
  refusal(method: string, params: Params, match?: Match): SidecarError | undefined {
    const found = this.#refusals.find((each) => each.method === method && fits(each, params));
    const refused = match === undefined ? found : match.exchange;
    return refused !== undefined && "error" in refused.response ? this.revive(errorOf(refused)) : undefined;
  }

  /** Return an error of a kind as it is recorded for this method, best of this provider; else in general words. */
  error(kind: ErrorKind, hints: { method?: string; provider?: string; says?: string } = {}): SidecarError {
    const { method, provider, says = "" } = hints;
    const recorded = this.exchanges
      .filter((each) => each.method === method && "error" in each.response && !isOrdered(each))
      .map(errorOf)
      .filter(({ code, message }) => code === ERROR_CODES[kind] && message.includes(says));
    const found = recorded.find(({ data }) => data.provider === provider) ?? recorded[0];
    const general = { code: ERROR_CODES[kind], message: kind, data: { kind, retryable: false } };
    return this.revive(found ?? this.#contract.components?.errors?.[kind] ?? general);
  }

  /** Return a recorded error as it is thrown here: with ids of this page in place of the recorded ones. */
  revive({ code, message, data }: Pick<ErrorObject, "code" | "message" | "data">): SidecarError {
    return errorFromWire(code, message, fill(data, new Map(), this.#ids));
  }

  /** Say whether a request is refused with an error whatever went before: it never has a result. */
  #refusesAlways(exchange: Exchange): boolean {
    if (!("error" in exchange.response) || !OF_THE_REQUEST.has(errorOf(exchange).data.kind)) return false;
    return !this.exchanges.some(
      (other) =>
        other.method === exchange.method && "result" in other.response && fits(exchange, other.params),
    );
  }
}

/** Say whether an exchange is about these params, whatever ids they hold. */
function fits(exchange: Exchange, params: Params): boolean {
  return mismatch(exchange.params, params, new Map(), { anyId: true }) === undefined;
}

/** Say whether a directive inside the question ordered what came of it. */
function isOrdered({ params }: Exchange): boolean {
  return String(params["content"]).includes("[[simulate:");
}

function errorOf({ response }: Exchange): ErrorObject {
  return ("error" in response ? response.error : {}) as unknown as ErrorObject;
}
