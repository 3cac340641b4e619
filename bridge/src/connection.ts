import { PassThrough } from "node:stream";

import {
  CancellationTokenSource,
  createMessageConnection,
  type MessageConnection,
  NullLogger,
  ParameterStructures,
  ProgressType,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-jsonrpc/node";

import { cancelled, crashed, errorFromWire, type SidecarError, tookTooLong } from "./errors.js";
import { callSafely, Deferred } from "./wait.js";

export interface WireCallOptions {
  /** Cancels the request at the sidecar; what it had already answered or paid for is kept there. */
  signal?: AbortSignal;
  /** Gets each `$/progress` value of this request, all of them before the result. */
  onProgress?: (value: unknown) => void;
  /** Without it a call may take as long as it likes. */
  timeoutMs?: number;
}

export interface ConnectionEvents {
  onNotification: (name: string, params: unknown) => void;
  /** The other side does not speak the protocol, or the pipe broke. */
  onBroken: (reason: Error) => void;
}

// How long a cancelled request may still wait for the sidecar's own word on how it ended.
const CANCEL_GRACE_MS = 10_000;

const PROGRESS = new ProgressType<unknown>();

// Put behind the last byte of the pipe: when it comes out, all that came before it has been delivered.
const END_MARK = "$/endOfPipe";
const END_FRAME = frame({ jsonrpc: "2.0", method: END_MARK });

/** JSON-RPC over the pipe of one run of the sidecar. */
export class SidecarConnection {
  /** Resolves when the pipe has ended and everything in it was delivered; not if it ended inside a frame. */
  readonly drained: Promise<void>;
  readonly #connection: MessageConnection;
  readonly #pending = new Set<(reason: SidecarError) => void>();
  #lastToken = 0;
  #closed: SidecarError | undefined;

  constructor(input: NodeJS.ReadableStream, output: NodeJS.WritableStream, events: ConnectionEvents) {
    const marked = new PassThrough();
    input.pipe(marked, { end: false });
    input.on("end", () => marked.end(END_FRAME));
    const drained = new Deferred<void>();
    this.drained = drained.promise;
    const reader = new StreamMessageReader(marked);
    // Its timer for half a message would re-arm itself for ever after a pipe that broke off.
    reader.partialMessageTimeout = 0;
    const connection = createMessageConnection(reader, new StreamMessageWriter(output), NullLogger);
    this.#connection = connection;
    connection.onNotification((name: string, params: unknown) => {
      if (name === END_MARK) drained.resolve();
      else callSafely(events.onNotification, name, params);
    });
    // Only what is read can show that the other side is broken; what cannot be written fails its own call.
    reader.onError((error) => events.onBroken(error));
    connection.listen();
  }

  /**
   * Sends a request. Rejects with a SidecarError only: the sidecar's own, `cancelled`, `timeout`,
   * or the reason given to `close`.
   */
  call(method: string, params: object | undefined, options: WireCallOptions = {}): Promise<unknown> {
    const { signal, onProgress, timeoutMs } = options;
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (signal?.aborted === true) return Promise.reject(cancelled());

    return new Promise((resolve, reject) => {
      const source = new CancellationTokenSource();
      const timers: NodeJS.Timeout[] = [];
      const finish = (): void => {
        for (const timer of timers) clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        this.#pending.delete(fail);
        progress?.dispose();
        source.dispose();
      };
      const fail = (reason: SidecarError): void => {
        finish();
        reject(reason);
      };
      const giveUpAfter = (ms: number, reason: () => SidecarError): void => {
        timers.push(setTimeout(() => fail(reason()), ms));
      };
      const abort = (): void => {
        source.cancel();
        giveUpAfter(CANCEL_GRACE_MS, cancelled);
      };

      const token = onProgress === undefined ? undefined : `p${++this.#lastToken}`;
      const progress =
        token === undefined || onProgress === undefined
          ? undefined
          : this.#connection.onProgress(PROGRESS, token, (value) => callSafely(onProgress, value));
      this.#pending.add(fail);
      signal?.addEventListener("abort", abort, { once: true });
      if (timeoutMs !== undefined) {
        timers.push(
          setTimeout(() => {
            source.cancel();
            fail(tookTooLong(method, timeoutMs));
          }, timeoutMs),
        );
      }

      this.#send(
        method,
        token === undefined ? params : { ...params, partialResultToken: token },
        source,
      ).then(
        (result) => {
          finish();
          resolve(result);
        },
        (error: unknown) => fail(this.#closed ?? asSidecarError(error)),
      );
    });
  }

  /** Resolves when the notification was written; one that can no longer be delivered is nobody's error. */
  async notify(method: string, params?: object): Promise<void> {
    if (this.#closed !== undefined) return;
    const sent =
      params === undefined
        ? this.#connection.sendNotification(method)
        : this.#connection.sendNotification(method, ParameterStructures.byName, params);
    await sent.catch(() => undefined);
  }

  /** Fails every call that is under way, and every later one, with `reason`. */
  close(reason: SidecarError): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    for (const fail of [...this.#pending]) fail(reason);
    this.#connection.dispose();
  }

  async #send(method: string, params: object | undefined, source: CancellationTokenSource): Promise<unknown> {
    if (params === undefined) return this.#connection.sendRequest(method, source.token);
    return this.#connection.sendRequest(method, ParameterStructures.byName, params, source.token);
  }
}

function frame(message: object): string {
  const body = JSON.stringify(message);
  return `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

function asSidecarError(error: unknown): SidecarError {
  // Codes between -32099 and -32096 are the library's own: the message could not be written or read.
  if (error instanceof ResponseError && !(error.code >= -32099 && error.code <= -32096)) {
    return errorFromWire(error.code, error.message, error.data);
  }
  const detail = error instanceof Error ? error.message : String(error);
  return crashed(detail);
}
