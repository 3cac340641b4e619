/**
 * What `make demo-app` runs: the sidecar in mock mode over a real pipe, as Electron would run it. Three models answer
 * the same question side by side; then the sidecar is restarted, and the conversation is still there. A batch
 * survives a kill -9 in the middle, and another one is run by the vendor itself.
 * Ends with 1 when anything is not as it should be.
 */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

import { SidecarClient } from "../src/client.js";
import type { ResultOf } from "../src/typed.js";
import { findSidecar } from "../src/command.js";
import { showBatches } from "./batch.js";
import { check, print } from "./checks.js";
import { type Column, layOut, micros, redraw, showMicros } from "./columns.js";

const MODELS = ["openai/gpt-6.1-sol", "anthropic/claude-sonnet-5-5", "gemini/gemini-3.8-flash"];
const QUESTION = "Why is the sky blue, and why is the evening sky red? Answer in three sentences.";
const CALL_LIMIT_MS = 60_000;

type Reply = ResultOf<"chat:send">;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { python: { type: "string" } } });
  // From bridge/out/demo.
  const projectDir = resolve(__dirname, "..", "..", "..");
  const dataDir = mkdtempSync(join(tmpdir(), "abai-demo-"));
  const python = values.python === undefined ? {} : { python: resolve(values.python) };
  const client = new SidecarClient({
    command: findSidecar({ projectDir, dataDir, mock: true, ...python }),
    client: { name: "demo", version: "1" },
  });
  try {
    await run(client);
  } catch (error) {
    const tail = client.stderrTail().join("\n");
    throw new Error(
      `${error instanceof Error ? error.message : String(error)}${tail === "" ? "" : `\n\n${tail}`}`,
    );
  } finally {
    await client.stop();
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
  const command = findSidecar({ projectDir, ...python });
  await showBatches(command.program, projectDir);
}

async function run(client: SidecarClient): Promise<void> {
  const info = await client.start();
  check(info.mock, "the sidecar does not say that it is simulated");
  print(`${info.server.name} ${info.server.version}, protocol ${info.protocolVersion}, simulated models\n`);

  const project = await client.call("project:create", { name: "Demo" }, { timeoutMs: CALL_LIMIT_MS });
  const conversationId = randomUUID();
  print(`Project ${project.name}. The question to ${MODELS.length} models at once:\n  ${QUESTION}\n`);
  const replies = await ask(client, conversationId);
  const costs = replies.map((reply) => micros(costOf(reply)));
  print(`\nTotal ${showMicros(costs.reduce((sum, cost) => sum + cost, 0))}\n`);

  print("Stopping the sidecar and starting it again ...");
  const before = await listMessages(client, conversationId);
  await client.stop();
  await client.start();
  const after = await listMessages(client, conversationId);
  check(JSON.stringify(after) === JSON.stringify(before), "the conversation changed in the restart");
  checkConversation(after, replies);
  const projects = await client.call("project:list", undefined, { timeoutMs: CALL_LIMIT_MS });
  check(
    projects.some(({ id }) => id === project.id),
    "the project is gone after the restart",
  );
  print(`The conversation is still there: ${after.length} messages.`);
  for (const { role, model, content } of after) {
    print(
      `  ${(role === "user" ? "you" : (model ?? role)).padEnd(24)} ${content.replace(/\s+/g, " ").slice(0, 60)}`,
    );
  }
}

/** Asks all models at the same time and shows their texts as they come. */
async function ask(client: SidecarClient, conversationId: string): Promise<Reply[]> {
  const texts = MODELS.map(() => "");
  const columns: Column[] = MODELS.map((title) => ({ title, text: "", footer: "" }));
  const live = process.stdout.isTTY;
  let drawn = 0;
  const draw = (): void => {
    if (!live) return;
    const rows = process.stdout.rows ?? 24;
    const lines = layOut(columns, process.stdout.columns ?? 100);
    // What has scrolled off the screen can no longer be drawn over.
    const shown = lines.slice(0, Math.max(1, rows - 2));
    process.stdout.write(redraw(drawn, shown));
    drawn = shown.length;
  };
  const replies = await Promise.all(
    MODELS.map(async (modelId, index) => {
      const column = columns[index];
      check(column !== undefined, "a model without a column");
      const params = { conversationId, content: QUESTION, modelId, options: { enableStreaming: true } };
      const reply = await client.call("chat:send", params, {
        timeoutMs: CALL_LIMIT_MS,
        onProgress: (value) => {
          if (value.type !== "text") return;
          texts[index] += value.text;
          column.text = texts[index] ?? "";
          draw();
        },
      });
      check(reply.answer !== "", `${modelId} gave an empty answer`);
      check(texts[index] === reply.answer, `the streamed text of ${modelId} is not its answer`);
      column.footer = `${showMicros(micros(costOf(reply)))}, ${reply.promptTokens} tokens in, ${reply.answerTokens} out`;
      draw();
      if (!live) print(`${modelId}  (${column.footer})\n  ${reply.answer.replace(/\n/g, "\n  ")}\n`);
      return reply;
    }),
  );
  return replies;
}

function costOf(reply: Reply): number {
  check(typeof reply.costUSD === "number" && reply.costUSD > 0, `${reply.model} has no cost`);
  return reply.costUSD;
}

async function listMessages(
  client: SidecarClient,
  conversationId: string,
): Promise<ResultOf<"messages:list">> {
  return client.call("messages:list", { conversationId }, { timeoutMs: CALL_LIMIT_MS });
}

/** The question once, and each answer with what it cost. */
function checkConversation(messages: ResultOf<"messages:list">, replies: readonly Reply[]): void {
  const questions = messages.filter(({ role }) => role === "user");
  check(
    questions.length === 1 && questions[0]?.content === QUESTION,
    "the question is not stored exactly once",
  );
  check(
    messages.length === 1 + replies.length,
    `${messages.length} messages instead of ${1 + replies.length}`,
  );
  for (const reply of replies) {
    const stored = messages.find(({ id }) => id === reply.id);
    check(stored !== undefined, `the answer of ${reply.model} is gone`);
    check(stored.content === reply.answer, `the stored answer of ${reply.model} is another one`);
    check(stored.cost === reply.costUSD, `the stored cost of ${reply.model} is another one`);
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
