import { type SidecarError, unavailable } from "./errors.js";

/** When a sidecar that ended by itself is started again. */
export interface RestartPolicy {
  /** This many crashes within `windowMs` are the last. */
  limit: number;
  windowMs: number;
  firstDelayMs: number;
  /** Each further crash in the window waits this many times longer. */
  factor: number;
}

export const RESTART_POLICY: RestartPolicy = {
  limit: 5,
  windowMs: 3 * 60_000,
  firstDelayMs: 200,
  factor: 3,
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

/** For the calls that nobody will answer any more. */
export function gaveUp(policy: RestartPolicy, detail: string): SidecarError {
  const minutes = Math.round(policy.windowMs / 6_000) / 10;
  const message =
    `The A-B/AI backend stopped ${policy.limit} times within ${minutes} minutes and was not started again. ` +
    "Please restart the app; its log says more.";
  return unavailable(message, detail);
}
