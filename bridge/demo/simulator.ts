/** The simulated vendors as a process of their own, which outlives a sidecar that is killed. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface SimulatedRequest {
  prompt: string;
  state: string;
}

export interface SimulatedVendors {
  /** What points a sidecar at it: base URLs and keys. */
  environment: Record<string, string>;
  /** Every request that it was asked to run. */
  requests(): Promise<SimulatedRequest[]>;
  stop(): void;
}

export async function startSimulator(python: string, cwd: string): Promise<SimulatedVendors> {
  const args = ["-m", "sidecar", "simulator", "--port", "0", "--pace-ms", "2"];
  const child = spawn(python, args, { cwd, stdio: ["ignore", "pipe", "inherit"] });
  const failed = new Promise<never>((_, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`The simulator ended with ${String(code)}.`)));
  });
  failed.catch(() => undefined);
  const first = new Promise<string>((resolve) => createInterface({ input: child.stdout }).once("line", resolve));
  const environment = JSON.parse(await Promise.race([first, failed])) as Record<string, string>;
  const ledger = new URL("/__simulator/ledger", environment["OPENAI_BASE_URL"]);
  return {
    environment,
    requests: async () => ((await (await fetch(ledger)).json()) as { requests: SimulatedRequest[] }).requests,
    stop: () => void child.kill(),
  };
}
