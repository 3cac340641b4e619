// vscode-jsonrpc with better-sqlite3: what an app in Electron would have without a sidecar.
"use strict";
const { join } = require("node:path");
const from = (name) => require(join(process.cwd(), "build", "bench", "node", "node_modules", name));
const rpc = from("vscode-jsonrpc/node");
const Database = from("better-sqlite3");

const db = new Database(process.argv[2]);
db.pragma("journal_mode = WAL");
db.pragma("synchronous = FULL");
db.pragma("foreign_keys = ON");
db.pragma("mmap_size = 268435456");
const projects = db.prepare("SELECT id, name, description, created_at AS createdAt, last_used AS lastUsed FROM projects");
const COLUMNS =
  "id, conversation_id AS conversationId, turn_id AS turnId, role, content, timestamp, provider, model, cost, " +
  "tokens_in AS tokensIn, tokens_out AS tokensOut, thinking, citations, finish_reason AS finishReason";
const newest = db.prepare(
  `SELECT ${COLUMNS} FROM messages WHERE conversation_id = ? ORDER BY timestamp DESC, seq DESC LIMIT ?`,
);
const found = db.prepare(
  `SELECT m.id, m.content, snippet(messages_fts, 0, '**', '**', '…', 24) AS snippet FROM messages_fts f ` +
    "JOIN messages m ON m.seq = f.rowid WHERE messages_fts MATCH ? ORDER BY rank LIMIT 51",
);
const insert = db.prepare(
  "INSERT INTO messages (id, conversation_id, turn_id, role, content, timestamp) VALUES (?, ?, ?, ?, ?, ?)",
);

const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];
function timed(count, work) {
  const times = [];
  for (let number = 0; number < count; number += 1) {
    const begun = process.hrtime.bigint();
    work(number);
    times.push(Number(process.hrtime.bigint() - begun) / 1e6);
  }
  return median(times);
}

const connection = rpc.createMessageConnection(
  new rpc.StreamMessageReader(process.stdin),
  new rpc.StreamMessageWriter(process.stdout),
);
connection.onRequest("initialize", () => ({ protocolVersion: "1.0" }));
connection.onRequest("project:list", () => projects.all());
connection.onRequest("chat:abort", (params) => ({ aborted: typeof params.conversationId === "string" ? 0 : 1 }));
connection.onRequest("messages:list", ({ conversationId, limit }) => newest.all(conversationId, limit).reverse());
// In place, without a pipe: the fastest that this stack can be.
connection.onRequest("place:add", ({ conversationId, content, count }) => {
  const begun = process.hrtime.bigint();
  for (let number = 0; number < count; number += 1) {
    const id = crypto.randomUUID();
    insert.run(id, conversationId, id, "user", content, Date.now());
  }
  return (count / Number(process.hrtime.bigint() - begun)) * 1e9;
});
connection.onRequest("place:list", ({ conversationId, limit, count }) =>
  timed(count, () => JSON.stringify(newest.all(conversationId, limit).reverse())),
);
connection.onRequest("place:search", ({ query, count }) => timed(count, () => JSON.stringify(found.all(query))));
connection.onRequest("shutdown", () => null);
connection.onNotification("exit", () => process.exit(0));
connection.listen();
process.stdin.on("end", () => process.exit(0));
