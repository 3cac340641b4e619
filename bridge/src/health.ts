import type { SidecarConnection } from "./connection.js";
import { SidecarError } from "./errors.js";
import { Deferred, settlesWithin } from "./wait.js";

/** How a sidecar that runs is asked whether it still answers. */
export interface HealthPolicy {
  /** Between an answer and the next question. 0: it is never asked. */
  everyMs: number;
  /** How long it may take to answer. */
  deadlineMs: number;
  /** So many questions in a row without an answer are a sidecar that hangs. */
  misses: number;
}

// Two misses, because a computer that was asleep wakes up with every deadline past.
export const HEALTH_POLICY: HealthPolicy = { everyMs: 20_000, deadlineMs: 15_000, misses: 2 };

/** What a health says is wrong (pure). */
export function problemOf(health: unknown): string | undefined {
  const problem = (health as { problem?: unknown } | null | undefined)?.problem;
  return typeof problem === "string" ? problem : undefined;
}

/**
 * Asks `system:health` until `ended` settles. Resolves with true when the sidecar hangs, with false at its end.
 * `onAnswer` gets each answer.
 */
export async function watchHealth(
  connection: Pick<SidecarConnection, "call">,
  policy: HealthPolicy,
  ended: Promise<unknown>,
  onAnswer: (health: unknown) => void = () => undefined,
): Promise<boolean> {
  if (policy.everyMs <= 0) return false;
  const end = new Deferred<void>();
  let over = false;
  void ended.finally(() => {
    over = true;
    end.resolve();
  });
  let missed = 0;
  while (!over) {
    if (missed === 0 && (await settlesWithin(end.promise, policy.everyMs))) return false;
    missed = (await answers(connection, policy.deadlineMs, onAnswer)) ? 0 : missed + 1;
    if (missed >= policy.misses) return !over;
  }
  return false;
}

/** Whether it answers at all: an error is an answer too. */
async function answers(
  connection: Pick<SidecarConnection, "call">,
  timeoutMs: number,
  onAnswer: (health: unknown) => void,
): Promise<boolean> {
  try {
    onAnswer(await connection.call("system:health", undefined, { timeoutMs }));
    return true;
  } catch (error) {
    return error instanceof SidecarError && error.kind !== "timeout";
  }
}
