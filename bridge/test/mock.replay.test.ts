import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { SERVED_METHODS } from "../src/contract.js";
import { exchanges } from "../src/exchange.js";
import { methodNamed } from "../src/mock/handlers.js";
import type { installMockApi, MockApi, MockFixtures, MockOptions } from "../src/mock/mock.js";
import { type Bindings, fill, mismatch, type Recording } from "../src/replay.js";
import { Deferred, settlesWithin } from "../src/wait.js";
import { it } from "./helpers.js";
import { dataOf, FIXTURES, PROJECT, quickMock } from "./mocks.js";
import { problems, type Schema } from "./schema.js";

const CONTRACT = JSON.parse(
  readFileSync(join(PROJECT, "sidecar", "contract", "openrpc.json"), "utf8"),
) as { methods: { name: string; result?: { schema: Schema } }[] };
const IDS = { uuid: () => randomUUID(), now: () => Date.now() };

function resultSchema(name: string): Schema {
  const method = methodNamed(name);
  return CONTRACT.methods.find((each) => each.name === method)?.result?.schema ?? assert.fail(name);
}

interface Told {
  notification: string;
  params: unknown;
}

/** Of what goes on only the latest need ever be told, and of answers on their way the mock keeps no list. */
function isUnderWay({ notification, params }: Told): boolean {
  if (notification === "work:changed") return true;
  return notification === "batch:progress" && (params as { status: string }).status === "processing";
}

function isLike(expected: Told, told: Told, bindings: Bindings): boolean {
  if (expected.notification !== told.notification) return false;
  return mismatch(expected.params, told.params, bindings) === undefined;
}

/** Plays the page's part of a recording against a mock that has just begun. Gives the methods that were played. */
async function play(recording: Recording): Promise<string[]> {
  const { api } = quickMock();
  const bindings: Bindings = new Map();
  const told: Told[] = [];
  let news = new Deferred<void>();
  for (const notification of ["settings:invalidKey", "batch:row-done", "batch:progress"]) {
    api.on(notification, (params) => {
      told.push({ notification, params });
      news.resolve();
    });
  }
  const played: string[] = [];
  for (const exchange of exchanges(recording)) {
    if (!/^[\w-]+:[\w-]+$/.test(exchange.method)) continue;
    // What comes after a shutdown is about the process, which a page has none of.
    if (recording.name === "shutdown") continue;
    played.push(exchange.method);
    const where = `${recording.name}, ${exchange.method}`;
    const payload = { ...(fill(exchange.params, bindings, IDS) as object), partialResultToken: "page" };
    const values: unknown[] = [];
    const off = api.on("$/progress", (params) => values.push((params as { value: unknown }).value));
    const envelope = await api.request(exchange.method, payload);
    off();
    // A batch goes on beside its page's requests: what comes next was recorded when the batch had ended.
    const wanted = exchange.events.filter((event): event is Told => "notification" in event);
    const lacking = (): Told | undefined =>
      wanted.find(
        (event) => !isUnderWay(event) && !told.some((each) => isLike(event, each, new Map(bindings))),
      );
    while (lacking() !== undefined) {
      news = new Deferred<void>();
      if (!(await settlesWithin(news.promise, 30_000)))
        assert.fail(`${where}: never told ${JSON.stringify(lacking())}`);
    }
    const progress = exchange.events.flatMap((event) => ("progress" in event ? [event.progress] : []));
    if (progress.length > 0) assert.equal(mismatch(progress, values, bindings), undefined, where);
    if ("result" in exchange.response) {
      assert.ok(envelope.success, `${where}: ${JSON.stringify(envelope)}`);
      assert.equal(mismatch(exchange.response.result, envelope.data, bindings), undefined, where);
      assert.deepEqual(problems(resultSchema(exchange.method), envelope.data), [], where);
      continue;
    }
    const { code, message, data } = exchange.response.error;
    const turn = envelope.success;
    const failed = (turn ? envelope.data : envelope) as Record<string, unknown>;
    assert.equal(mismatch({ error: message, code, "...": true }, failed, bindings), undefined, where);
    if (!turn) assert.equal(mismatch(data, failed["data"], bindings), undefined, where);
  }
  return played;
}

for (const recording of FIXTURES.recordings) {
  it(`the mock answers as the server does: ${recording.name}`, async () => {
    await play(recording);
  });
}

it("every method of the contract that a page can call is answered, under its older names too, and nothing else", () => {
  const isRequest = (name: string): boolean => /^[\w-]+:[\w-]+$/.test(name);
  const named = FIXTURES.contract.methods.flatMap((method) => [method.name, ...(method["x-aliases"] ?? [])]);
  const answered = named.filter((name) => methodNamed(name) !== undefined);
  assert.deepEqual(answered, named.filter(isRequest));
  assert.equal(methodNamed("project:shout"), undefined);
  // The others are about the process; the bridge keeps them from pages, and so does the mock.
  assert.deepEqual(named.filter((name) => !isRequest(name)).sort(), [
    "$/cancelRequest",
    "exit",
    "initialize",
    "rpc.discover",
    "shutdown",
  ]);
});

it("every served method that a page can call answers as the contract says, with the contract's own example", async () => {
  for (const method of SERVED_METHODS) {
    if (!method.includes(":")) continue;
    const { api } = quickMock();
    const example = FIXTURES.contract.methods.find(({ name }) => name === method)?.examples?.[0];
    assert.ok(example !== undefined, method);
    const payload = Object.fromEntries(example.params.map(({ name, value }) => [name, value]));
    const envelope = await api.request(method, payload);
    if (envelope.success) {
      assert.deepEqual(problems(resultSchema(method), envelope.data), [], method);
    } else {
      // The example's project or batch is not there, which is no bug.
      assert.ok(["not_found", "provider_rejected"].includes(envelope.kind), `${method}: ${envelope.error}`);
    }
  }
});

it("the bundle for a browser holds every recording and needs nothing else", async () => {
  const path = resolve(__dirname, "..", "mock", "index.js");
  const bundle = (await import(pathToFileURL(path).href)) as {
    FIXTURES: MockFixtures;
    installMockApi: (options?: MockOptions, target?: object) => ReturnType<typeof installMockApi>;
  };
  assert.deepEqual(
    bundle.FIXTURES.recordings.map(({ name }) => name).sort(),
    FIXTURES.recordings.map(({ name }) => name).sort(),
  );
  const page: Partial<Pick<MockApi, "api" | "ipc">> = {};
  bundle.installMockApi({ search: "" }, page);
  assert.deepEqual(Object.keys(page), ["api", "ipc"]);
  const models = dataOf<{ id: string }[]>(
    (await page.api?.request({ type: "models:get-all" })) ?? assert.fail(),
  );
  assert.ok(models.length > 50);
});
