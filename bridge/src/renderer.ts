/**
 * For the window: its `api`, typed by the contract, so that a misspelt method or member does not compile.
 * Nothing of Node or Electron can be reached from here; what the preload put on the window does the work.
 */
import type { AbaiApi, Unsubscribe, WindowIpc } from "./api.js";
import type { Notifications } from "./contract.js";
import type {
  CallArgs,
  MethodName,
  NotificationName,
  ParamsOf,
  ProgressValue,
  ResultOf,
  StreamingMethod,
} from "./typed.js";

export type { AbaiApi, Envelope, Unsubscribe, WindowApi, WindowIpc } from "./api.js";
export type * from "./contract.js";
export type { MethodName, NotificationName, ParamsOf, ProgressValue, ResultOf, StreamingMethod } from "./typed.js";

declare global {
  interface Window {
    readonly api: AbaiApi;
    readonly ipc: WindowIpc;
  }
}

/** A request that failed. `message` is a sentence for the person; `kind` and `data` are for a translation of it. */
export class CallError extends Error {
  override readonly name = "CallError";

  constructor(
    message: string,
    readonly kind: string,
    readonly code: number,
    readonly data: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }
}

export interface StreamOptions {
  /** Stops the work, and with it what it costs; the call then fails with the kind `cancelled`. */
  signal?: AbortSignal;
}

/** The pieces of a running request in their order. Leaving the loop early stops the request. */
export interface Stream<M extends StreamingMethod> extends AsyncIterable<ProgressValue> {
  /** What the request came to. Rejects with CallError. */
  readonly result: Promise<ResultOf<M>>;
}

/** Ask the sidecar. Rejects with CallError. */
export async function call<M extends MethodName>(
  method: M,
  ...[params]: CallArgs<M, never>
): Promise<ResultOf<M>> {
  return unwrap(await rawApi().request(method, params)) as ResultOf<M>;
}

/** Listen to a notification. */
export function on<N extends NotificationName>(
  name: N,
  listener: (params: Notifications[N]) => void,
): Unsubscribe {
  return rawApi().on(name, (params) => listener(params as Notifications[N]));
}

/** Ask the sidecar, and get what it tells while it works: `for await (const piece of stream("chat:send", …))`. */
export function stream<M extends StreamingMethod>(
  method: M,
  params: ParamsOf<M>,
  options: StreamOptions = {},
): Stream<M> {
  const token = crypto.randomUUID();
  const pieces = new Pieces();
  const off = on("$/progress", (told) => {
    if (told.token === token) pieces.add(told.value);
  });
  const cancel = (): void => void rawApi().request("request:cancel", { token });
  const { signal } = options;
  const result = (async () => {
    try {
      if (signal?.aborted === true) throw new CallError("The request was cancelled.", "cancelled", -32800);
      signal?.addEventListener("abort", cancel, { once: true });
      const asked = { ...(params as object), partialResultToken: token };
      return unwrap(await rawApi().request(method, asked)) as ResultOf<M>;
    } finally {
      signal?.removeEventListener("abort", cancel);
      off();
    }
  })();
  result.then(
    () => pieces.end(),
    (error: unknown) => pieces.end(error),
  );
  return { result, [Symbol.asyncIterator]: () => pieces.iterate(cancel) };
}

/**
 * Join answers that are on their way, after a reload or from a second window: the text so far as one piece of the type
 * `so-far`, then `text` by `text`, each once, and `ended` for each answer. `after` leaves out what is there already.
 * Leaving the loop, or aborting, ends the listening alone: the answers go on.
 */
export function attach(
  answers: Omit<ParamsOf<"work:attach">, "partialResultToken">,
  options: StreamOptions = {},
): Stream<"work:attach"> {
  return stream("work:attach", answers, options);
}

/** What has arrived and was not taken yet. */
class Pieces {
  readonly #waiting: ProgressValue[] = [];
  #ended = false;
  #error: unknown;
  #wake: () => void = () => undefined;

  add(value: ProgressValue): void {
    this.#waiting.push(value);
    this.#wake();
  }

  end(error?: unknown): void {
    this.#ended = true;
    this.#error = error;
    this.#wake();
  }

  async *iterate(cancel: () => void): AsyncGenerator<ProgressValue, void, undefined> {
    try {
      for (;;) {
        for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) yield next;
        if (this.#ended) break;
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
      if (this.#error !== undefined) throw this.#error;
    } finally {
      if (!this.#ended) cancel();
    }
  }
}

interface RawApi {
  request(type: string, payload?: unknown): Promise<unknown>;
  on(name: string, listener: (params: unknown) => void): Unsubscribe;
}

function rawApi(): RawApi {
  const api = (globalThis as { api?: RawApi }).api;
  if (api !== undefined) return api;
  throw new CallError(
    "This page has no window.api. Open it in the app, where the preload gives it one, or install the mock first.",
    "sidecar_unavailable",
    -32091,
  );
}

/** The data of an answer. A failed turn of a conversation is a result that holds `error`. */
function unwrap(answer: unknown): unknown {
  const { success, data, error, kind, code } = answer as Record<string, unknown>;
  if (success !== true) {
    throw new CallError(String(error), String(kind), Number(code), (data ?? {}) as Record<string, unknown>);
  }
  const failed = data as { error?: unknown; kind?: unknown; code?: unknown } | null;
  if (typeof failed?.error === "string" && typeof failed.kind === "string" && typeof failed.code === "number") {
    throw new CallError(failed.error, failed.kind, failed.code);
  }
  return data;
}
