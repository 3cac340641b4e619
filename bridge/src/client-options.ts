import type { Command } from "./command.js";
import type { Notifications } from "./contract.js";
import type { HandshakeOptions } from "./handshake.js";
import type { HealthPolicy } from "./health.js";
import type { LogFileOptions } from "./logfile.js";
import type { SpawnOptions } from "./process.js";
import type { RestartPolicy } from "./restart.js";
import type { StopTimes } from "./stop.js";

/** `failed` is for good: until `start()` is called again, every call is refused with the reason. */
export type SidecarState = "idle" | "starting" | "ready" | "restarting" | "failed" | "stopping" | "stopped";

export interface CallOptions {
  signal?: AbortSignal;
  /** Asks for `$/progress` and gets its values, all of them before the result. */
  onProgress?: (value: Notifications["$/progress"]["value"]) => void;
  /** Counts from the call on, the wait for a sidecar that is starting included. Default: no limit. */
  timeoutMs?: number;
}

export interface ClientOptions extends SpawnOptions {
  command: Command;
  client?: HandshakeOptions["client"];
  /** From the start of the program to its first answer. Default 30 s: a virus scanner may look at it first. */
  startTimeoutMs?: number;
  /** The contract's fingerprint; default: that of the generated types. */
  schemaHash?: string;
  restart?: Partial<RestartPolicy>;
  health?: Partial<HealthPolicy>;
  /** Where stderr and the comings and goings of the sidecar are kept; without it only the last lines are. */
  log?: LogFileOptions;
  stopTimes?: Partial<StopTimes>;
}
