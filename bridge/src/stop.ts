import type { SidecarConnection } from "./connection.js";
import type { SidecarProcess } from "./process.js";
import { settlesWithin } from "./wait.js";

export type StopStep =
  | { act: "request shutdown"; waitMs: number }
  | { act: "notify exit"; waitMs: number }
  | { act: "end input"; waitMs: number }
  | { act: "signal"; signal: NodeJS.Signals; waitMs: number };

export interface StopTimes {
  /** For the answer to `shutdown`. */
  answerMs: number;
  /** For the end after `exit`: the sidecar lets what is in flight finish for 3 s, then commits, and ends within 5 s. */
  finishMs: number;
  /** For the end after SIGTERM. */
  terminateMs: number;
}

export const STOP_TIMES: StopTimes = { answerMs: 2_000, finishMs: 8_000, terminateMs: 3_000 };

/** The order in which a sidecar is stopped; each step is taken only if those before did not end it. */
export function stopPlan(platform: NodeJS.Platform, times: StopTimes = STOP_TIMES): StopStep[] {
  const asked: StopStep[] = [
    { act: "request shutdown", waitMs: times.answerMs },
    { act: "notify exit", waitMs: times.answerMs },
    { act: "end input", waitMs: times.finishMs },
  ];
  const killed: StopStep = { act: "signal", signal: "SIGKILL", waitMs: times.terminateMs };
  // On Windows every signal ends the process at once, so that asking with SIGTERM first says nothing.
  if (platform === "win32") return [...asked, killed];
  return [...asked, { act: "signal", signal: "SIGTERM", waitMs: times.terminateMs }, killed];
}

/** Carries out the plan. `connection` is absent when the sidecar never answered the handshake. */
export async function stopInOrder(
  process: SidecarProcess,
  connection: SidecarConnection | undefined,
  plan: readonly StopStep[],
): Promise<void> {
  let ended = false;
  const end = process.exited.then(() => {
    ended = true;
  });
  for (const step of plan) {
    // Lets an end that was already known be seen before the next step is taken.
    await Promise.resolve();
    if (ended) return;
    switch (step.act) {
      case "request shutdown":
        if (connection !== undefined) {
          await settlesWithin(Promise.race([connection.call("shutdown", undefined), end]), step.waitMs);
        }
        break;
      case "notify exit":
        // Input that ends before this was written would cut it off; a pipe that nobody reads never takes it.
        if (connection !== undefined)
          await settlesWithin(Promise.race([connection.notify("exit"), end]), step.waitMs);
        break;
      case "end input":
        process.endInput();
        await settlesWithin(end, step.waitMs);
        break;
      case "signal":
        process.signal(step.signal);
        await settlesWithin(end, step.waitMs);
        break;
    }
  }
}
