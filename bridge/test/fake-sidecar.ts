/**
 * A stand-in for the sidecar: speaks the protocol over its standard streams and misbehaves as its flags say.
 *   --first-runs N MODE   the first N runs are in MODE, the later ones well-behaved (counted in --state FILE)
 * MODE is one of: crash (ends at once), mute (never answers), garbage (writes what is no frame), old (another hash),
 * refuse (no protocol version in common), stubborn (hears neither exit nor the end of its input).
 */
import { appendFileSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";

import {
  type CancellationToken,
  createMessageConnection,
  type Message,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-jsonrpc/node";

import { PROTOCOL_VERSION, SCHEMA_HASH } from "../src/contract.js";

const { values, positionals } = parseArgs({
  options: {
    mode: { type: "string", default: "" },
    state: { type: "string" },
    "first-runs": { type: "string", default: "1000000" },
    stderr: { type: "string", default: "0" },
  },
  allowPositionals: true,
});

function runsBefore(): number {
  if (values.state === undefined) return 0;
  appendFileSync(values.state, ".");
  return readFileSync(values.state, "utf8").length - 1;
}

const mode = runsBefore() < Number(values["first-runs"]) ? values.mode : "";

if (mode === "crash") {
  process.stderr.write("the fake sidecar cannot go on\n");
  process.exit(3);
}
if (mode === "garbage") process.stdout.write("Hello, this is no frame: at all\r\n\r\n");
if (mode === "stubborn") process.on("SIGTERM", () => process.stderr.write("not now\n"));
process.stderr.write("x".repeat(1_000).concat("\n").repeat(Number(values.stderr)));

/** Ends the process as soon as the answer to "answer and crash" is in the pipe. */
class Writer extends StreamMessageWriter {
  override async write(message: Message): Promise<void> {
    await super.write(message);
    if (JSON.stringify(message).includes('"ANSWER AND CRASH"')) process.exit(7);
  }
}

const connection = createMessageConnection(
  new StreamMessageReader(process.stdin),
  new Writer(process.stdout),
);

function progress(token: unknown, text: string): Promise<void> {
  return connection.sendNotification("$/progress", { token, value: { type: "text", text } });
}

connection.onRequest("initialize", (params: { protocolVersion: string }) => {
  if (mode === "mute") return new Promise(() => undefined);
  if (mode === "refuse")
    return new ResponseError(-32602, "Served protocol versions: 9.0", { kind: "invalid_params" });
  return {
    protocolVersion: params.protocolVersion ?? PROTOCOL_VERSION,
    server: { name: "fake", version: "0" },
    schemaHash: mode === "old" ? "0123456789abcdef" : SCHEMA_HASH,
    dataDir: "",
    mock: true,
    resumedJobs: [],
  };
});
let frozen = false;
let health: object = {};
connection.onRequest("system:health", () => (frozen ? new Promise(() => undefined) : health));
connection.onRequest("rpc.discover", () => ({
  openrpc: "1.3.2",
  methods: [{ name: "initialize" }, { name: "chat:send", "x-aliases": ["chat:shout"] }],
}));
connection.onRequest("shutdown", () => {
  process.stderr.write("shutdown\n");
  return null;
});
connection.onNotification("exit", () => {
  process.stderr.write("exit\n");
  if (mode !== "stubborn") process.exit(0);
});
// At the end of its input it ends by itself, as nothing keeps it alive any more.
process.stdin.on("end", () => process.stderr.write("end of input\n"));
// Keeps a stubborn process alive when its input has ended.
if (mode === "stubborn") setInterval(() => undefined, 1_000);

// The library leaves the argument out when there are no params.
connection.onRequest("models:get-all", (...args: unknown[]) => {
  const params = args.length > 1 ? args[0] : null;
  return [{ id: "echo", name: JSON.stringify(params), provider: "fake" }];
});
connection.onRequest("tokens:count", ({ text }: { text: string }) => text.length);
connection.onRequest("project:list", () => positionals);
connection.onRequest("project:create", () => {
  throw new ResponseError(-32002, "There is a project of that name already.", {
    kind: "conflict",
    retryable: false,
    detail: "name",
  });
});
connection.onRequest("chat:send", async (params: Record<string, unknown>, cancel: CancellationToken) => {
  const token = params["partialResultToken"];
  switch (params["content"]) {
    case "crash":
      await progress(token, "half an ans");
      process.stderr.write("about to die\n");
      return process.exit(7);
    case "break off":
      process.stdout.write("Content-Length: 1000\r\n\r\n{", () => process.exit(7));
      return new Promise(() => undefined);
    case "hang":
      if (token !== undefined) await progress(token, "begun");
      return new Promise((_, reject) => {
        cancel.onCancellationRequested(() =>
          reject(new ResponseError(-32800, "The chat was cancelled.", { kind: "cancelled" })),
        );
      });
    case "move away":
      health = { status: "degraded", problem: "The data folder was moved." };
      break;
    case "put back":
      health = { status: "ok" };
      break;
    case "freeze":
      await connection.sendNotification("batch:progress", { jobId: "job-1", status: "processing" });
      frozen = true;
      break;
    case "never":
      return new Promise(() => undefined);
    case "flood":
      for (let n = 0; n < 10_000; n += 1)
        void connection.sendNotification("settings:invalidKey", { provider: `${n}` });
      await connection.sendNotification("batch:progress", { unheard: true });
      break;
    case "unkinded":
      throw new ResponseError(-32015, "Too slow.");
    default:
      for (const word of String(params["content"]).split(" "))
        if (token !== undefined) await progress(token, word);
  }
  return { id: "1", answer: String(params["content"]).toUpperCase(), params };
});
connection.listen();
