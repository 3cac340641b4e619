import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { SidecarClient } from "../src/client.js";
import { findSidecar } from "../src/command.js";
import { it, recordStates, temporaryFolder } from "./helpers.js";

const PROJECT = join(__dirname, "..", "..", "..");
// Half the web copies it: a repetition inside a repetition.
const SCHEMA = {
  type: "object",
  properties: { url: { type: "string", pattern: "^https?:\\/\\/([\\w.-]+\\/?)+$" } },
};
const REPLY = JSON.stringify({ url: "https://example.com/articles/a-year-beside-the-northern-sea/list?page=2" });
const CHUNKS = [
  { choices: [{ index: 0, delta: { content: REPLY }, finish_reason: null }] },
  { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] },
  { choices: [], usage: { prompt_tokens: 1_000, completion_tokens: 100, total_tokens: 1_100 } },
];

it("a pattern that takes for ever costs one payment, and ends with a stored answer and a sentence", async (t) => {
  let paid = 0;
  const vendor = createServer((request, response) => {
    request.resume();
    paid += 1;
    response.writeHead(200, { "content-type": "text/event-stream" });
    const events = CHUNKS.map((chunk) => ({ id: "c", object: "chat.completion.chunk", model: "m", ...chunk }));
    response.end([...events.map((each) => JSON.stringify(each)), "[DONE]"].map((each) => `data: ${each}\n\n`).join(""));
  });
  await new Promise<void>((resolve) => vendor.listen(0, "127.0.0.1", resolve));
  t.after(() => vendor.close());
  const dataDir = temporaryFolder(t);
  mkdirSync(dataDir, { recursive: true });
  const prices = [{ from: "2026-01-01", perMillion: { prompt: 1, completion: 2 } }];
  const model = { provider: "lab", id: "m", name: "M", contextSize: 32_768, features: ["json_schema", "json_mode"], prices };
  const baseUrl = `http://127.0.0.1:${(vendor.address() as AddressInfo).port}/v1`;
  const lab = { baseUrl, keyRequired: false };
  writeFileSync(join(dataDir, "models.json"), JSON.stringify({ providers: { lab }, models: [model] }));

  const command = findSidecar({ projectDir: PROJECT, dataDir });
  const client = new SidecarClient({ command: { ...command, env: { ...command.env, ABAI_KEY_STORE: "file" } } });
  t.after(() => client.stop());
  await client.start();
  const states = recordStates(client);
  const projectId = (await client.call("project:create", { name: "P" })).id;
  const ended = new Promise<void>((resolve) => {
    client.onNotification("batch:progress", ({ status }) => {
      if (status === "completed" || status === "failed") resolve();
    });
  });
  const rows = [{ id: "r", prompt: "Where?", model: "lab/m", jsonSchema: SCHEMA }];
  const job = await client.call("batch:submit", { projectId, rows, start: true });
  await ended;
  const results = (await client.call("batch:get-results", { jobId: job.id })) as unknown[];
  const [row] = results as { status: string; response: string; errorMessage: string; cost_usd: number }[];
  assert.equal(row?.status, "error");
  assert.equal(row?.response, REPLY);
  assert.match(row?.errorMessage ?? "", /longer than 2 seconds/);
  assert.ok(Math.abs((row?.cost_usd ?? 0) - 0.0012) < 1e-9);
  assert.equal(paid, 1);
  assert.deepEqual(states, []);
});
