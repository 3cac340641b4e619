import assert from "node:assert/strict";

import { HttpIpc } from "../example/ipc-over-http.js";
import { servePage } from "../example/page-server.js";
import { it } from "./helpers.js";

const OWN_SERVER = "http://localhost:5173";

it("a page of another server has the preload and the carrier when its origin is named, and no other page has", async (t) => {
  const ipc = new HttpIpc();
  const { url, close } = await servePage({ ipc, origins: [OWN_SERVER] });
  t.after(close);
  const ask = (path: string, origin: string, method = "GET"): Promise<Response> =>
    fetch(url + path, { method, headers: { Origin: origin }, ...(method === "POST" ? { body: "{}" } : {}) });

  for (const path of ["preload.js", "electron.js"]) {
    const response = await ask(path, OWN_SERVER);
    assert.deepEqual(
      [response.status, response.headers.get("Access-Control-Allow-Origin")],
      [200, OWN_SERVER],
    );
  }
  const asked = await ask("ipc", OWN_SERVER, "OPTIONS");
  assert.deepEqual([asked.status, asked.headers.get("Access-Control-Allow-Headers")], [204, "Content-Type"]);
  // It gets through to the carrier, which knows no page of that name.
  assert.equal((await ask("ipc", OWN_SERVER, "POST")).status, 400);
  for (const method of ["GET", "POST", "OPTIONS"]) {
    const refused = await ask("ipc", "http://evil.test", method);
    assert.deepEqual([refused.status, refused.headers.get("Access-Control-Allow-Origin")], [403, null]);
  }
});
