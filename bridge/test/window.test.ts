import assert from "node:assert/strict";

import { Deferred } from "../src/wait.js";
import { clientFor, fake, it } from "./helpers.js";
import { open } from "./window.js";

it("ten thousand notifications of a real pipe reach the page, in order, and leave nothing behind", async (t) => {
  const client = clientFor(t, fake());
  await client.start();
  const window = open(client);
  const heard: string[] = [];
  const bare: string[] = [];
  const { api, ipc, listeners } = window.page;
  const offs = [
    api.on("settings:invalidKey", (params) => heard.push((params as { provider: string }).provider)),
    ipc.onInvalidKey((provider) => bare.push(provider)),
  ];
  const before = listeners.get("abai:event")?.size;
  await api.request("chat:send", { content: "flood", modelId: "m" });
  const expected = Array.from({ length: 10_000 }, (_, n) => `${n}`);
  assert.deepEqual(heard, expected);
  assert.deepEqual(bare, expected);
  offs.forEach((off) => off());
  await api.request("chat:send", { content: "flood", modelId: "m" });
  assert.equal(heard.length, 10_000);
  assert.equal(listeners.get("abai:event")?.size, before);
});

it("a window that reloads misses what came meanwhile, and its new page gets what comes then", async () => {
  let notify: (name: string, params: unknown) => void = () => undefined;
  const window = open({
    request: () => Promise.resolve(null),
    onAnyNotification: (listener) => {
      notify = listener;
      return () => undefined;
    },
  });
  const heard: unknown[] = [];
  window.page.api.on("batch:progress", (params) => heard.push(["old", params]));
  notify("batch:progress", 1);
  window.loading = true;
  notify("batch:progress", 2);
  window.load();
  window.page.api.on("batch:progress", (params) => heard.push(["new", params]));
  notify("batch:progress", 3);
  assert.deepEqual(heard, [
    ["old", 1],
    ["new", 3],
  ]);
});

it("the page after a reload is not told of what the page before it had asked under the same token", async () => {
  const goOn = new Deferred<void>();
  let first = true;
  const window = open({
    request: async (_method, _params, options) => {
      const own = first ? "old" : "new";
      first = false;
      if (own === "old") await goOn.promise;
      options?.onProgress?.({ type: "text", text: own });
      return own;
    },
    onAnyNotification: () => () => undefined,
  });
  const payload = { content: "hi", modelId: "m", partialResultToken: 1 };
  const lost = window.page.api.request("chat:send", payload);
  window.load();
  const heard: unknown[] = [];
  window.page.api.on("$/progress", (params) => heard.push(params));
  assert.deepEqual(await window.page.api.request("chat:send", payload), { success: true, data: "new" });
  goOn.resolve();
  await lost;
  assert.deepEqual(heard, [{ token: 1, value: { type: "text", text: "new" } }]);
});

it("a request that is under way while the window reloads ends without an error in the main process", async (t) => {
  const client = clientFor(t, fake());
  await client.start();
  const window = open(client);
  const request = window.page.api.request("chat:send", {
    content: "one two",
    modelId: "m",
    partialResultToken: 1,
  });
  window.loading = true;
  const answer = await request;
  assert.equal(answer.success, true);
});
