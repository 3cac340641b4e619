import assert from "node:assert/strict";

import type { BatchProgressNotification } from "../src/contract.js";
import { findSidecar } from "../src/command.js";
import type { SidecarClient } from "../src/client.js";
import { clientFor, temporaryFolder, it } from "./helpers.js";
import { PROJECT } from "./mocks.js";

const ROWS = 20;

/** Resolves when a job has come so far. */
function told(client: SidecarClient, isFar: (progress: BatchProgressNotification) => boolean): Promise<void> {
  return new Promise((resolve) => {
    const off = client.onNotification("batch:progress", (progress) => {
      if (!isFar(progress)) return;
      off();
      resolve();
    });
  });
}

it("quitting while a batch runs loses nothing: the next start goes on with it", async (t) => {
  const dataDir = temporaryFolder(t);
  const client = clientFor(t, findSidecar({ projectDir: PROJECT, dataDir, mock: true }));
  await client.start();
  const { id: projectId } = await client.call("project:create", { name: "Quit" });
  const rows = Array.from({ length: ROWS }, (_, index) => ({
    prompt: `Reply with exactly: ${index} [[simulate: slow_first_ms=150]]`,
    model: "openai/gpt-6-luna",
  }));
  const begun = told(client, ({ completedRows, status }) => completedRows > 0 && status === "processing");
  const job = await client.call("batch:submit", { projectId, rows });
  // One at a time: rows are left to be asked, however long it takes to notice the first and to leave.
  await client.call("batch:start", { jobId: job.id, concurrency: 1 });
  await begun;
  await client.stop();
  assert.equal(client.state, "stopped");

  const ended = told(client, ({ jobId, status }) => jobId === job.id && status === "completed");
  const { resumedJobs } = await client.start();
  // The handshake does not wait for a database that is slow to open, and then tells of no job.
  assert.ok(resumedJobs.every((id) => id === job.id));
  assert.equal((await client.call("batch:get", { jobId: job.id })).status, "processing");
  await ended;
  const results = await client.call("batch:get-results", { jobId: job.id });
  assert.deepEqual(
    results.map(({ response }) => response),
    rows.map((_, index) => String(index)),
  );
  // A row that was on its way when the app was left may be asked again, and no other.
  const { completedRows, totalRows } = await client.call("batch:get", { jobId: job.id });
  assert.deepEqual([completedRows, totalRows], [ROWS, ROWS]);
});
