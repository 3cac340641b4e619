import assert from "node:assert/strict";

import { PROTOCOL_VERSION, SCHEMA_HASH } from "../src/contract.js";
import { SidecarError } from "../src/errors.js";
import { clientFor, fake, it } from "./helpers.js";

it("the handshake names both sides", async (t) => {
  const client = clientFor(t, fake());
  const info = await client.start();
  assert.equal(info.server.name, "fake");
  assert.equal(info.protocolVersion, PROTOCOL_VERSION);
  assert.equal(info.schemaHash, SCHEMA_HASH);
  assert.equal(client.state, "ready");
  assert.deepEqual(client.server, info);
});

it("starting twice starts one sidecar", async (t) => {
  const client = clientFor(t, fake());
  const [first, second] = await Promise.all([client.start(), client.start()]);
  assert.equal(first, second);
});

it("a typed call brings its result", async (t) => {
  const client = clientFor(t, fake());
  await client.start();
  const count: number = await client.call("tokens:count", { text: "four" });
  assert.equal(count, 4);
});

it("a call without params sends none and one with params sends an object", async (t) => {
  const client = clientFor(t, fake());
  await client.start();
  const [without] = await client.call("models:get-all");
  assert.equal(without?.name, "null");
  const [withParams] = await client.call("models:get-all", { includeRetired: true });
  assert.equal(withParams?.name, '{"includeRetired":true}');
});

it("an error keeps its sentence, code, kind and data", async (t) => {
  const client = clientFor(t, fake());
  await client.start();
  await assert.rejects(client.call("project:create", { name: "again" }), (error: unknown) => {
    assert.ok(error instanceof SidecarError);
    assert.equal(error.message, "There is a project of that name already.");
    assert.equal(error.code, -32002);
    assert.equal(error.kind, "conflict");
    assert.equal(error.retryable, false);
    assert.equal(error.data.detail, "name");
    return true;
  });
});

it("an error without a kind gets the one of its code", async (t) => {
  const client = clientFor(t, fake());
  await client.start();
  const failing = client.call("chat:send", { content: "unkinded", modelId: "m" });
  await assert.rejects(failing, { code: -32015, kind: "timeout" });
});

it("progress arrives in order and before the result", async (t) => {
  const client = clientFor(t, fake());
  await client.start();
  const seen: string[] = [];
  const reply = await client.call(
    "chat:send",
    { content: "one two three", modelId: "m" },
    { onProgress: (value) => seen.push(value.type === "text" ? value.text : value.type) },
  );
  assert.deepEqual(seen, ["one", "two", "three"]);
  assert.equal(reply.answer, "ONE TWO THREE");
});

it("two calls that stream at once each get their own progress", async (t) => {
  const client = clientFor(t, fake());
  await client.start();
  const seen: Record<string, string> = { a: "", b: "" };
  const send = (name: string, content: string): Promise<unknown> =>
    client.call(
      "chat:send",
      { content, modelId: "m" },
      { onProgress: (value) => void (seen[name] += value.type === "text" ? value.text : "") },
    );
  await Promise.all([send("a", "a a a"), send("b", "b b")]);
  assert.deepEqual(seen, { a: "aaa", b: "bb" });
});

it("a progress listener that throws does not fail the call", async (t) => {
  t.mock.method(console, "error", () => undefined);
  const client = clientFor(t, fake());
  await client.start();
  const onProgress = (): never => {
    throw new Error("a bug in the page");
  };
  const reply = await client.call("chat:send", { content: "hello", modelId: "m" }, { onProgress });
  assert.equal(reply.answer, "HELLO");
});

it("an aborted call is cancelled at the sidecar, which says so", async (t) => {
  const client = clientFor(t, fake());
  await client.start();
  const abort = new AbortController();
  const call = client.call(
    "chat:send",
    { content: "hang", modelId: "m" },
    { signal: abort.signal, onProgress: () => abort.abort() },
  );
  await assert.rejects(call, { code: -32800, kind: "cancelled", message: "The chat was cancelled." });
});

it("a call that is aborted before it is made is never sent", async (t) => {
  const client = clientFor(t, fake());
  await client.start();
  const call = client.call("chat:send", { content: "crash", modelId: "m" }, { signal: AbortSignal.abort() });
  await assert.rejects(call, { kind: "cancelled" });
  assert.equal(await client.call("tokens:count", { text: "alive" }), 5);
});

it("a call that is aborted while it waits for the sidecar is cancelled", async (t) => {
  const client = clientFor(t, fake("--mode", "mute"), { startTimeoutMs: 15_000 });
  client.start().catch(() => undefined);
  const abort = new AbortController();
  const call = client.call("tokens:count", { text: "x" }, { signal: abort.signal });
  abort.abort();
  await assert.rejects(call, { kind: "cancelled" });
});

it("a call that is never answered fails when its time is over", async (t) => {
  const client = clientFor(t, fake());
  await client.start();
  const call = client.call("chat:send", { content: "never", modelId: "m" }, { timeoutMs: 50 });
  await assert.rejects(call, {
    kind: "timeout",
    code: -32015,
    retryable: true,
    message: /did not answer chat:send/,
  });
  assert.equal(await client.call("tokens:count", { text: "alive" }), 5);
});

it("the time of a call counts the wait for a sidecar that does not start", async (t) => {
  const client = clientFor(t, fake("--mode", "mute"), { startTimeoutMs: 15_000 });
  client.start().catch(() => undefined);
  const call = client.call("tokens:count", { text: "x" }, { timeoutMs: 50 });
  await assert.rejects(call, { kind: "timeout" });
});

it("calls made before the start are answered once the sidecar is ready", async (t) => {
  const client = clientFor(t, fake());
  const early = Promise.all([client.call("tokens:count", { text: "early" }), client.call("models:get-all")]);
  assert.equal(client.state, "idle");
  await client.start();
  const [count, models] = await early;
  assert.equal(count, 5);
  assert.equal(models.length, 1);
});

it("ten thousand notifications all arrive, in order, and unheard ones hold up nothing", async (t) => {
  const client = clientFor(t, fake());
  await client.start();
  const heard: string[] = [];
  const off = client.onNotification("settings:invalidKey", ({ provider }) => heard.push(provider));
  await client.call("chat:send", { content: "flood", modelId: "m" });
  assert.equal(heard.length, 10_000);
  assert.deepEqual(heard.slice(-2), ["9998", "9999"]);
  off();
  await client.call("chat:send", { content: "flood", modelId: "m" });
  assert.equal(heard.length, 10_000);
});

it("a flood on stderr is read, and only its end is kept", async (t) => {
  let lines = 0;
  const allRead = new Promise<void>((resolve) => {
    const onStderrLine = (): void => void ((lines += 1) === 20_000 && resolve());
    const client = clientFor(t, fake("--stderr", "20000"), { keepLines: 10, onStderrLine });
    t.after(() => assert.equal(client.stderrTail().length, 10));
    client.start().catch(() => undefined);
  });
  await allRead;
});
