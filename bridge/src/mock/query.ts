import { ERROR_CODES, type ErrorKind } from "../contract.js";
import { BRIDGE_ERROR_CODES, bridgeError, type BridgeErrorKind, type SidecarError } from "../errors.js";
import type { Fixtures } from "./fixtures.js";

/** How long things take, in ms. */
export interface Pace {
  /** Before a request is answered. */
  latencyMs: number;
  /** Before each piece of streamed text. */
  delayMs: number;
  /** For a row of a batch. */
  rowMs: number;
}

export const PACE: Pace = { latencyMs: 0, delayMs: 20, rowMs: 120 };
export const SLOW_PACE: Pace = { latencyMs: 1_500, delayMs: 200, rowMs: 1_500 };

/** Read `?mock=errors`, `?mock=slow` or `?mock=errors,slow`, and `&every=5`: every so many requests one fails, 0: none. */
export function parseQuery(search: string): { slow: boolean; failEvery: number } {
  const params = new URLSearchParams(search);
  const words = (params.get("mock") ?? "").split(",");
  const every = Number(params.get("every") ?? 3);
  return {
    slow: words.includes("slow"),
    failEvery: words.includes("errors") ? Math.max(1, Math.floor(every) || 3) : 0,
  };
}

// A page cannot bring these about: its requests are always JSON-RPC, and of methods that there are.
const NEVER: readonly ErrorKind[] = ["parse_error", "invalid_request", "method_not_found"];

export const FAULT_KINDS: readonly (ErrorKind | BridgeErrorKind)[] = [
  ...(Object.keys(ERROR_CODES) as ErrorKind[]).filter((kind) => !NEVER.includes(kind)),
  ...(Object.keys(BRIDGE_ERROR_CODES) as BridgeErrorKind[]),
];

/** Return what says, request by request, how it shall fail: every n-th does, with each kind in turn. */
export function faultsEvery(every: number, fixtures: Fixtures): () => SidecarError | undefined {
  let requests = 0;
  return () => {
    requests += 1;
    if (every <= 0 || requests % every !== 0) return undefined;
    const kind = FAULT_KINDS[(requests / every - 1) % FAULT_KINDS.length] ?? "internal_error";
    if (kind in ERROR_CODES) return fixtures.error(kind as ErrorKind);
    return bridgeError(
      kind as BridgeErrorKind,
      "The A-B/AI backend is not there. This is an error on demand: take the wish out of the address to go on.",
    );
  };
}
