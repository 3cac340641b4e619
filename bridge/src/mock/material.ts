import { ERROR_CODES, type ErrorKind, type Methods } from "../contract.js";
import { errorFromWire, type SidecarError } from "../errors.js";
import { type Exchange, exchanges } from "../exchange.js";
import { fill, idNames, isObject, type Makers, mismatch, type Recording } from "../replay.js";
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

/** What the mock is made from; `scripts/build-mock.mjs` puts it together. */
export interface MockMaterial {
  recordings: readonly Recording[];
  contract: ContractDocument;
  /** Which model the vendor answers with where another is asked, which the list of models does not tell. */
  redirects: Readonly<Record<string, string>>;
}

export interface RecordedError {
  code: number;
  message: string;
  data?: unknown;
}

// Errors that follow from the request alone. What else a recording answers depends on what went before.
const OF_THE_REQUEST: ReadonlySet<unknown> = new Set<ErrorKind>([
  "invalid_params",
  "not_found",
  "invalid_output",
  "unsupported",
]);

/** What the recordings and the contract's examples say: everything that the mock answers is made from it. */
export class Material {
  readonly exchanges: readonly Exchange[];
  readonly redirects: MockMaterial["redirects"];
  readonly #contract: ContractDocument;
  readonly #makers: Makers;
  /** Every error in the recordings, those inside a result included. */
  readonly #errors: readonly RecordedError[];

  constructor({ recordings, contract, redirects }: MockMaterial, makers: Makers) {
    this.exchanges = recordings.flatMap(exchanges);
    this.redirects = redirects;
    this.#contract = contract;
    this.#makers = makers;
    this.#errors = this.exchanges.flatMap(({ response }) => errorsIn(response));
  }

  paramsSchema(method: string): Schema {
    return this.#method(method)?.["x-params"] ?? {};
  }

  resultSchema(method: string): Schema {
    return this.#method(method)?.result?.schema ?? {};
  }

  /** Results that are recorded for exactly these params, ids and times as placeholders. */
  *results(method: string, params: Readonly<Record<string, unknown>>): Generator<unknown> {
    for (const exchange of this.exchanges) {
      if (exchange.method !== method || !("result" in exchange.response)) continue;
      if (mismatch(exchange.params, params, new Map(), { anyId: true }) === undefined) {
        yield exchange.response.result;
      }
    }
  }

  /** A plausible result: the first one recorded, failing that the contract's example. */
  sample<M extends keyof Methods>(method: M): Methods[M]["result"] {
    const recorded = this.exchanges.find(
      (exchange) => exchange.method === method && "result" in exchange.response,
    )?.response;
    const pattern =
      recorded !== undefined && "result" in recorded
        ? recorded.result
        : this.#method(method)?.examples?.[0]?.result?.value;
    return fill(pattern, new Map(), this.#makers) as Methods[M]["result"];
  }

  /** The error that is recorded for a request, when the request alone brings it about. */
  errorFor(method: string, params: Readonly<Record<string, unknown>>): SidecarError | undefined {
    for (const { method: name, params: recorded, response } of this.exchanges) {
      if (name !== method || !("error" in response) || idNames(recorded).size > 0) continue;
      const error = response.error as unknown as RecordedError;
      if (!isObject(error.data) || !OF_THE_REQUEST.has(error.data["kind"])) continue;
      if (mismatch(recorded, params, new Map()) === undefined) return revive(error);
    }
    return undefined;
  }

  /** An error of a kind: as a recording of the method has it, failing that in the contract's general words. */
  error(kind: ErrorKind, method?: string): SidecarError {
    for (const exchange of this.exchanges) {
      if (exchange.method !== method || !("error" in exchange.response)) continue;
      const error = exchange.response.error as unknown as RecordedError;
      if (error.code === ERROR_CODES[kind] && idNames(error).size === 0) return revive(error);
    }
    const general = this.#contract.components?.errors?.[kind];
    return errorFromWire(ERROR_CODES[kind], general?.message ?? kind, {
      kind,
      retryable: isRetryable(general),
    });
  }

  /** An error of a kind that is recorded anywhere with this in its sentence. */
  errorSaying(kind: ErrorKind, words: string): SidecarError | undefined {
    const found = this.#errors.find(
      ({ code, message }) => code === ERROR_CODES[kind] && message.includes(words),
    );
    return found === undefined ? undefined : revive(found);
  }

  #method(name: string): ContractDocument["methods"][number] | undefined {
    return this.#contract.methods.find((method) => method.name === name);
  }
}

function revive({ code, message, data }: RecordedError): SidecarError {
  return errorFromWire(code, message, data);
}

function isRetryable(error: RecordedError | undefined): boolean {
  return isObject(error?.data) && error.data["retryable"] === true;
}

function errorsIn(value: unknown): RecordedError[] {
  if (Array.isArray(value)) return value.flatMap(errorsIn);
  if (!isObject(value)) return [];
  if (typeof value["code"] === "number" && typeof value["message"] === "string") {
    return [value as unknown as RecordedError];
  }
  return Object.values(value).flatMap(errorsIn);
}
