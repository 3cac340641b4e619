/**
 * The second half of the demo: a batch whose sidecar is killed in the middle, and a batch that the vendor runs.
 * The vendors are a process of their own here, so that somebody remembers what was really asked.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { SidecarClient } from "../src/client.js";
import type { ResultOf } from "../src/typed.js";
import { findSidecar } from "../src/command.js";
import type { BatchProgressNotification, BatchRow } from "../src/contract.js";
import { progressLine } from "./bar.js";
import { check, print } from "./checks.js";
import { micros, redraw, showMicros } from "./columns.js";
import { type SimulatedVendors, startSimulator } from "./simulator.js";

const MODELS = ["openai/gpt-6-luna", "anthropic/claude-haiku-5-5"];
const ROWS = 200;
const KILL_AFTER = 80;
const NATIVE_ROWS = 20;
const LIMIT = { timeoutMs: 60_000 };

type Result = ResultOf<"batch:get-results">[number];

export async function showBatches(python: string, projectDir: string): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), "abai-demo-batch-"));
  const vendors = await startSimulator(python, projectDir);
  const command = findSidecar({ projectDir, python, dataDir, args: ["--batch-poll-seconds", "0.2"] });
  const env = { ...command.env, ...vendors.environment, ABAI_KEY_STORE: "file" };
  const client = new SidecarClient({ command: { ...command, env }, client: { name: "demo", version: "1" } });
  try {
    await client.start();
    const project = await client.call("project:create", { name: "Batches" }, LIMIT);
    await surviveKill(client, vendors, project.id);
    await runNatively(client, project.id);
  } finally {
    await client.stop();
    vendors.stop();
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
}

function rows(count: number, models: readonly string[]): BatchRow[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `row-${index}`,
    prompt: "Reply with exactly: {{word}}",
    model: models[index % models.length] ?? "",
    data: { word: `number ${index}` },
  }));
}

async function surviveKill(client: SidecarClient, vendors: SimulatedVendors, projectId: string): Promise<void> {
  const given = rows(ROWS, MODELS);
  const estimate = await client.call("batch:estimate", { rows: given }, LIMIT);
  print(`\nA batch of ${ROWS} rows over ${MODELS.join(" and ")}.`);
  print(`Estimated: ${showMicros(micros(estimate.lowUSD))} to ${showMicros(micros(estimate.highUSD))}.`);
  const job = await client.call("batch:submit", { projectId, rows: given, fileName: "demo.csv" }, LIMIT);
  const follow = followJob(client, job.id);
  await client.call("batch:start", { jobId: job.id }, LIMIT);

  const seen = await follow.until((told) => told.completedRows >= KILL_AFTER);
  check(seen.status === "processing", "the batch had ended before it could be killed");
  const pid = client.pid;
  check(pid !== undefined, "there is no process to kill");
  process.kill(pid, "SIGKILL");
  follow.say(`Killed the sidecar (kill -9) after ${seen.completedRows} rows. It starts again and goes on by itself.`);

  await follow.until((told) => told.status === "completed");
  follow.end();
  const results = await allResults(client, job.id);
  checkResults(results, given);
  await compareWithVendors(vendors);
  const finished = await client.call("batch:get", { jobId: job.id }, LIMIT);
  // Of rows that were on their way when the sidecar died nobody knows what the first attempt cost.
  const least = results.reduce((sum, row) => sum + micros(row.cost_usd ?? row.costAtLeastUSD ?? 0), 0);
  const total = micros(finished.costAtLeastUSD ?? finished.totalCost);
  const most = finished.costAtMostUSD;
  const unsure = most === undefined ? "" : ` at least and ${showMicros(micros(most))} at most`;
  print(`All ${results.length} rows are there, once each. Together they cost ${showMicros(total)}${unsure}.`);
  check(Math.abs(least - total) <= ROWS, "the rows do not add up to the job");
}

/** Rows that were on their way when the sidecar died are asked again; those that had ended never are. */
async function compareWithVendors(vendors: SimulatedVendors): Promise<void> {
  const finished = (await vendors.requests()).filter(({ state }) => state === "finished");
  const times = new Map<string, number>();
  for (const { prompt } of finished) times.set(prompt, (times.get(prompt) ?? 0) + 1);
  check(times.size === ROWS, `the vendors finished ${times.size} different rows instead of ${ROWS}`);
  const twice = finished.length - ROWS;
  check(twice <= 2 * 8, `${twice} rows were run twice, more than could be on their way`);
  print(`The vendors were asked for ${finished.length} answers: ${twice} rows were on their way when it was killed.`);
}

async function runNatively(client: SidecarClient, projectId: string): Promise<void> {
  const given = rows(NATIVE_ROWS, ["openai/gpt-6-luna"]);
  const submitted = await client.call("batch:submit-native", { projectId, rows: given, providerName: "openai" }, LIMIT);
  print(`\nA native batch of ${NATIVE_ROWS} rows at ${submitted.provider}: ${submitted.nativeBatchId}.`);
  const follow = followJob(client, submitted.jobId);
  // It may have ended before anybody listened.
  const job = await client.call("batch:get", { jobId: submitted.jobId }, LIMIT);
  if (job.status !== "completed") await follow.until((told) => told.status === "completed");
  follow.end();
  const results = await allResults(client, submitted.jobId);
  checkResults(results, given);
  const cost = results.reduce((sum, { cost_usd }) => sum + (cost_usd ?? 0), 0);
  print(`All ${results.length} rows came back, at batch prices: ${showMicros(micros(cost))}.`);
}

function checkResults(results: readonly Result[], given: readonly BatchRow[]): void {
  check(results.length === given.length, `${results.length} results instead of ${given.length}`);
  check(new Set(results.map(({ rowIndex }) => rowIndex)).size === given.length, "a row has two results");
  for (const { rowIndex, status, response, errorMessage } of results) {
    check(status === "success", `row ${rowIndex} ended with ${status}: ${errorMessage ?? ""}`);
    check(response === `number ${rowIndex}`, `row ${rowIndex} has the answer of another one: ${response ?? ""}`);
  }
}

async function allResults(client: SidecarClient, jobId: string): Promise<Result[]> {
  const all: Result[] = [];
  for (;;) {
    const page = await client.call("batch:get-results", { jobId, offset: all.length, limit: 100 }, LIMIT);
    all.push(...page);
    if (page.length < 100) return all;
  }
}

interface Follow {
  /** The first progress for which `holds` is true. */
  until(holds: (told: BatchProgressNotification) => boolean): Promise<BatchProgressNotification>;
  /** A line between two drawings of the bar. */
  say(line: string): void;
  end(): void;
}

/** Draws a job's progress: over itself on a terminal, and now and then elsewhere. */
function followJob(client: SidecarClient, jobId: string): Follow {
  const live = process.stdout.isTTY;
  let latest: BatchProgressNotification | undefined;
  let drawn = 0;
  let printedAt = -1;
  const waiting = new Set<(told: BatchProgressNotification) => void>();
  const unsubscribe = client.onNotification("batch:progress", (told) => {
    if (told.jobId !== jobId) return;
    latest = told;
    const quarter = Math.floor(told.percentage / 25);
    if (live) {
      process.stdout.write(redraw(drawn, [progressLine(told)]));
      drawn = 1;
    } else if (quarter !== printedAt) {
      printedAt = quarter;
      print(progressLine(told));
    }
    for (const look of [...waiting]) look(told);
  });
  return {
    until: (holds) =>
      new Promise((resolve, reject) => {
        if (latest !== undefined && holds(latest)) return resolve(latest);
        const limit = setTimeout(() => reject(new Error("The batch does not go on.")), LIMIT.timeoutMs);
        const look = (told: BatchProgressNotification): void => {
          const failed = told.status === "failed" || told.status === "cancelled";
          if (!failed && !holds(told)) return;
          clearTimeout(limit);
          waiting.delete(look);
          if (failed && !holds(told)) reject(new Error(`The batch ended as ${told.status}.`));
          else resolve(told);
        };
        waiting.add(look);
      }),
    say: (line) => {
      drawn = 0;
      print(line);
    },
    end: unsubscribe,
  };
}
