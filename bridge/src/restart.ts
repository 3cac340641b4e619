import { type SidecarError, unavailable } from "./errors.js";

/** When a sidecar that ended by itself is started again. */
export interface RestartPolicy {
  /** This many crashes within `windowMs` are the last. */
  limit: number;
  windowMs: number;
  firstDelayMs: number;
  /** Each further crash in the window waits this many times longer. */
  factor: number;
  /** This many hangs within `hangWindowMs` are the last: each takes a while to be noticed, and may cost money. */
  hangLimit: number;
  hangWindowMs: number;
}

export const RESTART_POLICY: RestartPolicy = {
  limit: 5,
  windowMs: 3 * 60_000,
  firstDelayMs: 200,
  factor: 3,
  hangLimit: 3,
  hangWindowMs: 60 * 60_000,
};

export type RestartDecision = { again: true; delayMs: number } | { again: false };

/** Decides after a crash. `crashesAt` holds the times of all crashes so far, this one included, in ms. */
export function afterCrash(
  crashesAt: readonly number[],
  now: number,
  policy: RestartPolicy,
): RestartDecision {
  const recent = crashesAt.filter((at) => now - at < policy.windowMs).length;
  if (recent >= policy.limit) return { again: false };
  return { again: true, delayMs: policy.firstDelayMs * policy.factor ** Math.max(0, recent - 1) };
}

/** Whether a sidecar that hung is started again. `hangsAt` holds the times of all hangs so far, this one included. */
export function afterHang(hangsAt: readonly number[], now: number, policy: RestartPolicy): boolean {
  return hangsAt.filter((at) => now - at < policy.hangWindowMs).length < policy.hangLimit;
}

/** For the calls that nobody will answer any more. */
export function gaveUp(policy: RestartPolicy, detail: string): SidecarError {
  const minutes = Math.round(policy.windowMs / 6_000) / 10;
  const message =
    `The A-B/AI backend stopped ${policy.limit} times within ${minutes} minutes and was not started again. ` +
    "Please restart the app; its log says more.";
  return unavailable(message, detail);
}

/** The same for a sidecar that hung. `atWork` names what it was at work on then. */
export function hungTooOften(policy: RestartPolicy, atWork: readonly string[], detail: string): SidecarError {
  const minutes = Math.round(policy.hangWindowMs / 60_000);
  const advice =
    atWork.length === 0
      ? "Nothing that it was asked for was at work; its log says more. Please restart the app."
      : `At work: ${atWork.join(", ")}. Please restart the app and cancel what was at work before it hangs again, ` +
        "or ask for it in another way.";
  const message =
    `The A-B/AI backend stopped answering ${policy.hangLimit} times within ${minutes} minutes and was not started ` +
    `again. ${advice}`;
  return unavailable(message, detail);
}

/** How one run of the sidecar ended, and what it was at work on; `refused` is for good. */
export type RunEnd =
  | { how: "crashed"; detail: string; hung: boolean; atWork: string[]; reason?: SidecarError }
  | { how: "refused"; reason: SidecarError };

/** Decide what a run's end was, with what its handshake failed for, if it did (pure). */
export function endOfRun(
  detail: string,
  hung: boolean,
  atWork: string[],
  reason: SidecarError | undefined,
): RunEnd {
  if (reason?.kind === "sidecar_mismatch") return { how: "refused", reason };
  // A handshake that was cut off by the end of the process says nothing that the end does not say better.
  return reason === undefined || reason.kind === "sidecar_crashed"
    ? { how: "crashed", detail, hung, atWork }
    : { how: "crashed", detail, hung, atWork, reason };
}
