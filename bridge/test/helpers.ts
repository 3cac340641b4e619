import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { SidecarClient } from "../src/client.js";
import type { ClientOptions, SidecarState } from "../src/client-options.js";
import type { Command } from "../src/command.js";
import type { SidecarError } from "../src/errors.js";

/** A test with a deadline, far beyond what a busy machine takes: a wait that never ends fails it. */
export function it(name: string, body: (t: TestContext) => void | Promise<void>): void {
  void test(name, { timeout: 60_000 }, body);
}

export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "abai-bridge-"));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** The command that starts the fake sidecar with these flags. */
export function fake(...flags: string[]): Command {
  return { program: process.execPath, args: [join(__dirname, "fake-sidecar.js"), ...flags] };
}

/** A client that is stopped at the end of the test, with back-off and stop times that suit a test. */
export function clientFor(
  t: TestContext,
  command: Command,
  options: Partial<ClientOptions> = {},
): SidecarClient {
  const client = new SidecarClient({
    command,
    restart: { firstDelayMs: 1 },
    stopTimes: { answerMs: 10_000, finishMs: 20_000, terminateMs: 5_000 },
    ...options,
  });
  t.after(() => client.stop());
  return client;
}

/** Resolves when the client gets into a state. */
export function reaches(client: SidecarClient, wanted: SidecarState): Promise<SidecarError | undefined> {
  return new Promise((resolve) => {
    const off = client.onState((state, reason) => {
      if (state !== wanted) return;
      off();
      resolve(reason);
    });
  });
}

/** The states that the client goes through from now on. */
export function recordStates(client: SidecarClient): SidecarState[] {
  const states: SidecarState[] = [];
  client.onState((state) => states.push(state));
  return states;
}
