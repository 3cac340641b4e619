import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { SidecarClient } from "../src/client.js";
import { findSidecar } from "../src/command.js";
import { SidecarError } from "../src/errors.js";
import { it, temporaryFolder } from "./helpers.js";

const PROJECT = join(__dirname, "..", "..", "..");

it("a question during which the sidecar died twice is not sent a third time by anything by itself", async (t) => {
  const asked: string[] = [];
  let client: SidecarClient | undefined;
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      asked.push(Buffer.concat(pieces).toString());
      response.on("error", () => undefined);
      if (client?.pid !== undefined) process.kill(client.pid, "SIGKILL");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const dataDir = temporaryFolder(t);
  mkdirSync(dataDir, { recursive: true });
  const model = { provider: "lab", id: "m", name: "M", contextSize: 32_768, features: ["streaming"] };
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const providers = { lab: { baseUrl, keyRequired: false } };
  writeFileSync(join(dataDir, "models.json"), JSON.stringify({ providers, models: [model] }));

  const command = findSidecar({ projectDir: PROJECT, dataDir });
  client = new SidecarClient({ command: { ...command, env: { ...command.env, ABAI_KEY_STORE: "file" } } });
  const bridge = client;
  t.after(() => bridge.stop());
  await client.start();
  const projectId = (await client.call("project:create", { name: "P" })).id;
  const conversation = await client.call("conversation:create", { projectId, name: "Sea" });
  const question = { conversationId: conversation.id, content: "Deadly?", modelId: "lab/m" };
  for (let death = 1; death <= 2; death += 1) {
    await assert.rejects(client.call("chat:send", question), (error) => {
      assert.ok(error instanceof SidecarError);
      assert.equal(error.kind, "sidecar_crashed");
      return true;
    });
    assert.equal(asked.length, death);
  }
  // What a page does once the sidecar is back: it looks at what there is, and at what is under way.
  await client.call("messages:list", { conversationId: conversation.id });
  const { items } = (await client.call("work:list")) as { items?: unknown[] };
  assert.deepEqual(items ?? [], []);
  const other = { conversationId: conversation.id, content: "Another?", modelId: "lab/m" };
  await assert.rejects(client.call("chat:send", other));
  // Were anything sent by itself, it would have been before what was asked after it.
  assert.equal(asked.filter((body) => body.includes("Another?")).length, 1);
  assert.equal(asked.filter((body) => body.includes("Deadly?") && !body.includes("Another?")).length, 2);
});
