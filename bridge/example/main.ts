/** What an Electron app adds to its main process. `electron` is the package's module. */
import { join } from "node:path";

import { findSidecar, registerAbai, SidecarClient } from "../src/index.js";
import type { IpcMainLike, WindowLike } from "../src/electron.js";

/** The members of Electron's `app`, `BrowserWindow` and `shell` that are used here. */
interface ElectronLike {
  app: {
    isPackaged: boolean;
    getPath(name: "userData"): string;
    on(event: "before-quit", listener: (event: { preventDefault(): void }) => void): unknown;
    quit(): void;
  };
  BrowserWindow: { getAllWindows(): WindowLike[] };
  ipcMain: IpcMainLike;
  shell: { openPath(path: string): Promise<string> };
}

export function connectSidecar(
  { app, BrowserWindow, ipcMain, shell }: ElectronLike,
  projectDir: string,
): SidecarClient {
  const dataDir = app.getPath("userData");
  const where = app.isPackaged ? { resourcesPath: resourcesPath() } : { projectDir };
  const client = new SidecarClient({ command: findSidecar({ ...where, dataDir }) });
  registerAbai({
    ipcMain,
    client,
    getWindows: () => BrowserWindow.getAllWindows(),
    openHistoryFolder: () => shell.openPath(join(dataDir, "history")),
  });
  client.start().catch((error: unknown) => console.error(error));
  app.on("before-quit", (event) => {
    if (client.state === "stopped") return;
    event.preventDefault();
    void client.stop().then(() => app.quit());
  });
  return client;
}

// Electron sets it; Node's types do not know it.
function resourcesPath(): string {
  return (process as unknown as { resourcesPath: string }).resourcesPath;
}

// Requests that pages send before the sidecar is ready wait for it, so that windows can be opened at once:
// new BrowserWindow({ webPreferences: { preload: require.resolve("@abai/bridge/out/src/preload.js"),
//                                       contextIsolation: true, sandbox: true } })
