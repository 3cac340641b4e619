import { ERROR_CODES, type ErrorKind } from "../contract.js";
import { errorFromWire, type SidecarError } from "../errors.js";
import { type Exchange, exchanges } from "../exchange.js";
import { fill, type Ids, mismatch, type Recording } from "../replay.js";
import type { Schema } from "./schema.js";

/** The contract as `rpc.discover` gives it: the members that are used here. */
export interface ContractDocument {
  methods: readonly {
    name: string;
    "x-aliases"?: readonly string[];
    "x-params"?: Schema;
    result?: { schema: Schema };
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
  readonly exchanges: readonly Exchange[];
  readonly #contract: ContractDocument;
  readonly #ids: Ids;
  readonly #refusals: readonly Exchange[];

  constructor({ recordings, contract }: MockFixtures, ids: Ids) {
    this.exchanges = recordings.flatMap(exchanges);
    this.#contract = contract;
    this.#ids = ids;
    this.#refusals = this.exchanges.filter((exchange) => this.#refusesAlways(exchange));
  }

  paramsSchema(method: string): Schema {
    return this.#method(method)?.["x-params"] ?? {};
  }

  resultSchema(method: string): Schema {
    return this.#method(method)?.result?.schema ?? {};
  }

  /** Return what is recorded for exactly these params, else the first result of the method, else its example. */
  play(method: string, params: Params = {}): unknown {
    const results = this.exchanges.filter((each) => each.method === method && "result" in each.response);
    const played = (results.find((each) => fits(each, params)) ?? results[0])?.response;
    const example = this.#method(method)?.examples?.[0]?.result?.value;
    return fill(played !== undefined && "result" in played ? played.result : example, new Map(), this.#ids);
  }

  /** Return the error that is recorded for a request, where nothing that went before can change it. */
  refusal(method: string, params: Params): SidecarError | undefined {
    const found = this.#refusals.find((each) => each.method === method && fits(each, params));
    return found === undefined ? undefined : revive(errorOf(found));
  }

  /** Return an error of a kind as it is recorded for this method, best of this provider; else in general words. */
  error(kind: ErrorKind, { method, provider, content, says = "" }: ErrorHints = {}): SidecarError {
    const recorded = this.exchanges
      .filter((each) => each.method === method && "error" in each.response && !isOrdered(each))
      .map((each) => ({ ...errorOf(each), content: each.params["content"] }))
      .filter(({ code, message }) => code === ERROR_CODES[kind] && message.includes(says));
    const ofProvider = recorded.filter(({ data }) => data?.provider === provider);
    const found = ofProvider.find((each) => each.content === content) ?? ofProvider[0] ?? recorded[0];
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

  #method(name: string): ContractDocument["methods"][number] | undefined {
    return this.#contract.methods.find((method) => method.name === name);
  }
}

interface ErrorHints {
  method?: string;
  /** Taken first. */
  provider?: string;
  /** The question: one that failed itself is taken first. */
  content?: string | undefined;
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
