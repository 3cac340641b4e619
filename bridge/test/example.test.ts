import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { connectSidecar, type ElectronLike } from "../example/main.js";
import type { IpcMainLike } from "../src/electron.js";
import { Deferred } from "../src/wait.js";
import { it, temporaryFolder } from "./helpers.js";
import { PROJECT } from "./mocks.js";

it("the main process of the example answers pages, opens the folder, and quits when the sidecar has stopped", async (t) => {
  const folder = temporaryFolder(t);
  const opened: string[] = [];
  const quit = new Deferred<void>();
  let beforeQuit: (event: { preventDefault(): void }) => void = () => undefined;
  let handle: Parameters<IpcMainLike["handle"]>[1] = () => undefined;
  const electron: ElectronLike = {
    app: {
      isPackaged: false,
      getPath: (name) => join(folder, name),
      on: (_event, listener) => (beforeQuit = listener),
      quit: () => quit.resolve(),
    },
    BrowserWindow: { getAllWindows: () => [] },
    ipcMain: { handle: (_channel, listener) => void (handle = listener), removeHandler: () => undefined },
    shell: { openPath: (path) => Promise.resolve((opened.push(path), "")) },
  };
  const old: Record<string, unknown> = { "apiKeys.openai": "sk-test-0123456789" };
  const store = { get: (name: string) => old[name], delete: (name: string) => delete old[name] };
  const client = connectSidecar(electron, { projectDir: PROJECT, oldStore: store, mock: true });
  t.after(() => client.stop());

  const sender = { send: () => undefined, isDestroyed: () => false };
  // Asked before the sidecar is ready.
  const projects = await handle({ sender }, { type: "project:list" });
  assert.deepEqual(projects, { success: true, data: [] });
  await handle({ sender }, { type: "history:open-folder", payload: { project: "One" } });
  assert.deepEqual(opened, [join(folder, "userData")]);

  let prevented = 0;
  beforeQuit({ preventDefault: () => (prevented += 1) });
  await quit.promise;
  assert.equal(client.state, "stopped");
  // The second time nothing is left to wait for.
  beforeQuit({ preventDefault: () => (prevented += 1) });
  assert.equal(prevented, 1);
  assert.match(readFileSync(join(folder, "logs", "sidecar", "sidecar.log"), "utf8"), / stopped\n$/);
  // A simulated sidecar would lose the key.
  assert.deepEqual(Object.keys(old), ["apiKeys.openai"]);
});
