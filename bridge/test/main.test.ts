import assert from "node:assert/strict";

import type { Envelope } from "../src/api.js";
import type { IpcMainLike, WebContentsLike, WindowLike } from "../src/electron.js";
import { findNonPlain, parseRequest } from "../src/envelope.js";
import { contractError, SidecarError } from "../src/errors.js";
import { type AbaiOptions, registerAbai } from "../src/main.js";
import { it } from "./helpers.js";

class FakePage implements WebContentsLike {
  readonly got: unknown[][] = [];
  destroyed = false;
  crashed = false;
  reloading = false;

  send(...args: unknown[]): void {
    if (this.reloading) throw new Error("Render frame was disposed before WebFrameMain could be accessed");
    this.got.push(args);
  }

  isDestroyed(): boolean {
    return this.destroyed;
  }

  isCrashed(): boolean {
    return this.crashed;
  }
}

type Request = AbaiOptions["client"]["request"];

/** Main process and windows without Electron: `invoke` is what a page's request amounts to. */
function stage(request: Request, more: Partial<AbaiOptions> = {}) {
  const handlers = new Map<string, Parameters<IpcMainLike["handle"]>[1]>();
  const pages = [new FakePage(), new FakePage()];
  const closed = new Set<FakePage>();
  let notify: (name: string, params: unknown) => void = () => undefined;
  const abai = registerAbai({
    ipcMain: {
      handle: (channel, listener) => void handlers.set(channel, listener),
      removeHandler: (channel) => void handlers.delete(channel),
    },
    getWindows: () =>
      pages.map((page): WindowLike => ({
        isDestroyed: () => closed.has(page),
        get webContents() {
          if (closed.has(page)) throw new Error("Object has been destroyed");
          return page;
        },
      })),
    client: {
      request,
      onAnyNotification: (listener) => {
        notify = listener;
        return () => (notify = () => undefined);
      },
    },
    ...more,
  });
  const invoke = async (message: unknown, sender: WebContentsLike = new FakePage()): Promise<Envelope> =>
    (await handlers.get("app:request")?.({ sender }, message)) as Envelope;
  return {
    abai,
    handlers,
    pages,
    closed,
    invoke,
    notify: (name: string, params: unknown) => notify(name, params),
  };
}

const refuse: Request = () =>
  Promise.reject(
    new SidecarError("No key.", -32010, "missing_api_key", { kind: "missing_api_key", provider: "openai" }),
  );

it("a result comes in an envelope", async () => {
  const asked: unknown[] = [];
  const { invoke } = stage((method, params) => {
    asked.push([method, params]);
    return Promise.resolve([1, 2]);
  });
  assert.deepEqual(await invoke({ type: "project:list" }), { success: true, data: [1, 2] });
  assert.deepEqual(await invoke({ type: "project:get", payload: { id: "x" } }), {
    success: true,
    data: [1, 2],
  });
  assert.deepEqual(asked, [
    ["project:list", undefined],
    ["project:get", { id: "x" }],
  ]);
});

it("a failed turn of a conversation is a result that holds the error", async () => {
  const { invoke } = stage(refuse);
  for (const conversationId of ["7b0e6a0e-6d3a-4f0e-9d0b-1f2c3d4e5f60", "null"]) {
    const answer = await invoke({
      type: "chat:send",
      payload: { conversationId, content: "hi", modelId: "m" },
    });
    assert.deepEqual(answer, {
      success: true,
      data: { error: "No key.", code: -32010, kind: "missing_api_key" },
    });
  }
});

it("a failed row of a batch, and any other failure, is a failure", async () => {
  const { invoke } = stage(refuse);
  const failed = {
    success: false,
    error: "No key.",
    code: -32010,
    kind: "missing_api_key",
    data: { kind: "missing_api_key", provider: "openai" },
  };
  for (const payload of [{ content: "hi", modelId: "m" }, { conversationId: null }, { conversationId: "" }]) {
    assert.deepEqual(await invoke({ type: "chat:send", payload }), failed);
  }
  assert.deepEqual(await invoke({ type: "messages:list", payload: { conversationId: "c" } }), failed);
});

it("a bug of the bridge is logged and leaks nothing", async () => {
  const logged: unknown[] = [];
  const bug = new TypeError("secret is not a function");
  const { invoke } = stage(() => Promise.reject(bug), { onInternalError: (error) => logged.push(error) });
  const answer = await invoke({ type: "project:list" });
  assert.equal(answer.success, false);
  assert.doesNotMatch(JSON.stringify(answer), /secret/);
  assert.deepEqual(logged, [bug]);
});

it("what is no request is refused before it reaches the sidecar", async () => {
  const { invoke } = stage(() => assert.fail("it was sent"));
  for (const message of [
    undefined,
    null,
    "project:list",
    {},
    { type: 1 },
    { type: "project:list", payload: [1] },
  ]) {
    const answer = await invoke(message);
    assert.deepEqual([answer.success, !answer.success && answer.kind], [false, "invalid_params"]);
  }
  for (const type of ["shutdown", "exit", "initialize", "rpc.discover", "$/cancelRequest", "a:b:c"]) {
    const answer = await invoke({ type });
    assert.deepEqual([answer.success, !answer.success && answer.kind], [false, "method_not_found"]);
  }
});

it("a payload must be plain data, and the error says where it is not", async () => {
  const { invoke } = stage(() => assert.fail("it was sent"));
  const answer = await invoke({ type: "batch:submit", payload: { rows: [{ data: new Map() }] } });
  assert.ok(!answer.success);
  assert.match(answer.error, /a Map cannot be sent at payload\.rows\[0\]\.data/);
});

it("plain data is told from what is not", () => {
  const loop: Record<string, unknown> = {};
  loop["self"] = loop;
  for (const value of [
    1n,
    () => 1,
    Symbol("x"),
    new Set(),
    Buffer.from("x"),
    /x/,
    new (class Own {})(),
    loop,
  ]) {
    assert.notEqual(findNonPlain({ value }), undefined);
  }
  const plain = { a: [1, "x", null, undefined, true, { b: new Date(0) }], c: Object.create(null) as object };
  assert.equal(findNonPlain(plain), undefined);
  assert.deepEqual(parseRequest({ type: "models:get-all", payload: null }), {
    method: "models:get-all",
    params: undefined,
  });
});

it("progress goes to the page that asked, under its own token", async () => {
  const page = new FakePage();
  const { invoke, pages } = stage((method, params, options) => {
    assert.equal(method, "chat:send");
    assert.deepEqual(params, { content: "hi", modelId: "m" });
    options?.onProgress?.({ type: "text", text: "he" });
    return Promise.resolve({ answer: "hello" });
  });
  await invoke(
    { type: "chat:send", payload: { content: "hi", modelId: "m", partialResultToken: "mine" } },
    page,
  );
  assert.deepEqual(page.got, [
    ["abai:event", "$/progress", { token: "mine", value: { type: "text", text: "he" } }],
  ]);
  assert.deepEqual(pages[0]?.got, []);
});

it("progress for a page that is gone does not fail the request", async () => {
  const page = new FakePage();
  page.destroyed = true;
  const { invoke } = stage((_method, _params, options) => {
    options?.onProgress?.({ type: "text", text: "he" });
    return Promise.resolve("whole");
  });
  const payload = { partialResultToken: 1 };
  assert.deepEqual(await invoke({ type: "chat:send", payload }, page), { success: true, data: "whole" });
  assert.deepEqual(page.got, []);
});

it("a refused key reaches every window as the bare name of the provider, and as an event", () => {
  const { notify, pages } = stage(refuse);
  notify("settings:invalidKey", { provider: "openai" });
  for (const page of pages) {
    assert.deepEqual(page.got, [
      ["settings:invalidKey", "openai"],
      ["abai:event", "settings:invalidKey", { provider: "openai" }],
    ]);
  }
});

it("other notifications go out as events", () => {
  const { notify, pages } = stage(refuse);
  notify("batch:progress", { jobId: "j" });
  assert.deepEqual(pages[1]?.got, [["abai:event", "batch:progress", { jobId: "j" }]]);
});

it("windows that are closed, crashed or reloading are passed over", () => {
  const { notify, pages, closed } = stage(refuse);
  const [first, last] = pages;
  assert.ok(first !== undefined && last !== undefined);
  const reached = (): number => {
    const before = last.got.length;
    notify("batch:progress", {});
    return last.got.length - before;
  };
  first.reloading = true;
  assert.equal(reached(), 1);
  first.crashed = true;
  assert.equal(reached(), 1);
  first.destroyed = true;
  assert.equal(reached(), 1);
  closed.add(first);
  assert.equal(reached(), 1);
  assert.deepEqual(first.got, []);
});

it("the menu opens the settings of the windows", () => {
  const { abai, pages } = stage(refuse);
  abai.openSettings();
  assert.deepEqual(pages[0]?.got, [["menu:openSettings"]]);
});

it("the history folder is opened on this side", async () => {
  const opened: string[] = [];
  const { invoke } = stage(() => assert.fail("it was sent"), {
    openHistoryFolder: (project) => opened.push(project ?? "all"),
  });
  const answer = await invoke({ type: "history:open-folder", payload: { project: "Mine" } });
  assert.deepEqual(answer, { success: true, data: null });
  assert.deepEqual(await invoke({ type: "history:open-folder" }), { success: true, data: null });
  assert.deepEqual(opened, ["Mine", "all"]);
  const wrong = await invoke({ type: "history:open-folder", payload: { project: 7 } });
  assert.ok(!wrong.success && wrong.kind === "invalid_params");
});

it("a history folder that cannot be opened is a failure with a sentence", async () => {
  const openHistoryFolder = (): never => {
    throw contractError("not_found", "There is no history of this project yet.");
  };
  const { invoke } = stage(() => assert.fail("it was sent"), { openHistoryFolder });
  const answer = await invoke({ type: "history:open-folder", payload: { project: "Mine" } });
  assert.ok(!answer.success && answer.error === "There is no history of this project yet.");
});

it("after dispose nothing is handled and nothing forwarded", () => {
  const { abai, handlers, notify, pages } = stage(refuse);
  abai.dispose();
  notify("batch:progress", {});
  assert.equal(handlers.size, 0);
  assert.deepEqual(pages[0]?.got, []);
});
