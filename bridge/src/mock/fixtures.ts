import { ERROR_CODES, type ErrorKind } from "../contract.js";
import { errorFromWire, type SidecarError } from "../errors.js";
import { type Exchange, exchanges } from "../exchange.js";
import { type Bindings, fill, type Ids, mismatch, type Recording } from "../replay.js";
import type { Match } from "./tracks.js";

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
  components?: { errors?: Readonly<Record<string, RecordedError>> };
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

interface RecordedError {
  code: number;
  message: string;
  data?: { kind?: string; provider?: string; retryable?: boolean };
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
  readonly recordings: readonly Recording[];
  readonly exchanges: readonly Exchange[];
  readonly #contract: ContractDocument;
  readonly #ids: Ids;
  readonly #refusals: readonly Exchange[];

  constructor({ recordings, contract }: MockFixtures, ids: Ids) {
    this.recordings = recordings;
    this.exchanges = recordings.flatMap(exchanges);
    this.#contract = contract;
    this.#ids = ids;
    this.#refusals = this.exchanges.filter((exchange) => this.#refusesAlways(exchange));
  }

  /**
   * Give what is recorded where the page is in a recording, else for exactly these params, else the first result of
   * the method, else its example, and what was told with it.
   */
  play(method: string, params: Params, match?: Match): { result: unknown; told: Told[]; progress: unknown[] } {
    const results = this.exchanges.filter((each) => each.method === method && "result" in each.response);
    const exact = results.find((each) => fits(each, params));
    const bound: Bindings = match?.bindings ?? new Map();
    const played = match?.exchange ?? exact ?? results[0];
    if (played !== undefined && match === undefined) mismatch(played.params, params, bound, { anyId: true });
    const example = this.#contract.methods.find(({ name }) => name === method)?.examples?.[0]?.result?.value;
    const response = played?.response ?? { result: example };
    const told = (played?.events ?? []).filter((event): event is Told => "notification" in event);
    const filled = told.map((each) => ({ ...each, params: fill(each.params, bound, this.#ids) }));
    const progress = (played?.events ?? []).flatMap((event) =>
      "progress" in event ? [fill(event.progress, bound, this.#ids)] : [],
    );
    const result = fill("result" in response ? response.result : null, bound, this.#ids);
    return { result, told: filled, progress };
  }

  /** Return the error that is recorded where the page is in a recording, or that nothing could have changed. */
  refusal(method: string, params: Params, match?: Match): SidecarError | undefined {
    const found = this.#refusals.find((each) => each.method === method && fits(each, params));
    const refused = match === undefined ? found : match.exchange;
    return refused !== undefined && "error" in refused.response ? revive(errorOf(refused)) : undefined;
  }

  /** Return an error of a kind as it is recorded for this method, best of this provider; else in general words. */
  error(kind: ErrorKind, { method, provider, says = "" }: ErrorHints = {}): SidecarError {
    const recorded = this.exchanges
      .filter((each) => each.method === method && "error" in each.response && !isOrdered(each))
      .map(errorOf)
      .filter(({ code, message }) => code === ERROR_CODES[kind] && message.includes(says));
    const found = recorded.find(({ data }) => data?.provider === provider) ?? recorded[0];
    if (found !== undefined) return revive(found);
    const general = this.#contract.components?.errors?.[kind];
    return errorFromWire(ERROR_CODES[kind], general?.message ?? kind, {
      kind,
      retryable: general?.data?.retryable === true,
    });
  }

  /** Say whether a request is refused with an error whatever went before: it never has a result. */
  #refusesAlways(exchange: Exchange): boolean {
    if (!("error" in exchange.response) || !OF_THE_REQUEST.has(errorOf(exchange).data?.kind)) return false;
    return !this.exchanges.some(
      (other) =>
        other.method === exchange.method && "result" in other.response && fits(exchange, other.params),
    );
  }
}

interface ErrorHints {
  method?: string;
  /** Taken first. */
  provider?: string;
  /** Part of the sentence. */
  says?: string;
}

/** Say whether an exchange is about these params, whatever ids they hold. */
function fits(exchange: Exchange, params: Params): boolean {
  return mismatch(exchange.params, params, new Map(), { anyId: true }) === undefined;
}

/** Say whether a directive inside the question ordered what came of it. */
function isOrdered({ params }: Exchange): boolean {
  return String(params["content"]).includes("[[simulate:");
}

function errorOf({ response }: Exchange): RecordedError {
  return ("error" in response ? response.error : {}) as unknown as RecordedError;
}

function revive({ code, message, data }: RecordedError): SidecarError {
  return errorFromWire(code, message, data);
}
