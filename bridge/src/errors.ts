import { ERROR_CODES, type ErrorKind } from "./contract.js";

/** Kinds that the sidecar never sends: they are about the sidecar itself. */
export type BridgeErrorKind = "sidecar_crashed" | "sidecar_unavailable" | "sidecar_mismatch";

/** Codes of the bridge's own kinds, in a part of JSON-RPC's server range that the contract leaves free. */
export const BRIDGE_ERROR_CODES: Readonly<Record<BridgeErrorKind, number>> = {
  sidecar_crashed: -32090,
  sidecar_unavailable: -32091,
  sidecar_mismatch: -32092,
};

export type AnyErrorKind = ErrorKind | BridgeErrorKind;

/** The members of `error.data` that are known; `kind` and `retryable` stand on the error itself too. */
export interface SidecarErrorData {
  kind?: string;
  retryable?: boolean;
  provider?: string;
  model?: string;
  status?: number;
  retryAfterMs?: number;
  requestId?: string;
  detail?: string;
  issues?: { path: string; message: string }[];
}

/** A failed call. `message` is a sentence for the person at the screen. */
export class SidecarError extends Error {
  override readonly name = "SidecarError";
  readonly retryable: boolean;

  constructor(
    message: string,
    readonly code: number,
    readonly kind: AnyErrorKind,
    readonly data: SidecarErrorData = {},
  ) {
    super(message);
    this.retryable = data.retryable ?? false;
  }
}

/** An error of the contract that the bridge itself finds, for example a call that took too long. */
export function contractError(kind: ErrorKind, message: string, data: SidecarErrorData = {}): SidecarError {
  return new SidecarError(message, ERROR_CODES[kind], kind, { ...data, kind });
}

/** An error about the sidecar as a process. */
export function bridgeError(
  kind: BridgeErrorKind,
  message: string,
  data: SidecarErrorData = {},
): SidecarError {
  return new SidecarError(message, BRIDGE_ERROR_CODES[kind], kind, { ...data, kind });
}

/** Rebuilds the error that the sidecar sent. An error without a kind gets the one that its code stands for. */
export function errorFromWire(code: number, message: string, data: unknown): SidecarError {
  const known: SidecarErrorData = typeof data === "object" && data !== null ? { ...data } : {};
  const byCode = (Object.keys(ERROR_CODES) as ErrorKind[]).find((kind) => ERROR_CODES[kind] === code);
  const kind = typeof known.kind === "string" ? (known.kind as AnyErrorKind) : (byCode ?? "internal_error");
  return new SidecarError(message, code, kind, known);
}

/** For a call that was under way when the sidecar ended. It is never sent again by itself: it may have cost money. */
export function crashed(detail: string): SidecarError {
  const message =
    "The A-B/AI backend stopped while it was working on this. It is being started again; please try again.";
  return bridgeError("sidecar_crashed", message, { retryable: true, detail });
}

export function unavailable(message: string, detail: string): SidecarError {
  return bridgeError("sidecar_unavailable", message, { retryable: false, detail });
}

export function cancelled(): SidecarError {
  return contractError("cancelled", "The request was cancelled.");
}

export function tookTooLong(method: string, timeoutMs: number): SidecarError {
  const seconds = Math.round(timeoutMs / 100) / 10;
  const message = `The A-B/AI backend did not answer ${method} within ${seconds} seconds. Please try again.`;
  return contractError("timeout", message, { retryable: true });
}

export function shuttingDown(): SidecarError {
  return contractError("shutting_down", "A-B/AI is closing, so this was not started. Start it again, then ask once more.");
}
