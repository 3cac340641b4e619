/** What an Electron app adds to its main process. `electron` is the package's module. */
import { join } from "node:path";

import { findSidecar, folderOpener, moveKeys, registerAbai, SidecarClient } from "../src/index.js";
import type { IpcMainLike, WindowLike } from "../src/electron.js";

/** The members of Electron's `app`, `BrowserWindow` and `shell` that are used here. */
export interface ElectronLike {
  app: {
    isPackaged: boolean;
    getPath(name: "userData" | "logs"): string;
    on(event: "before-quit", listener: (event: { preventDefault(): void }) => void): unknown;
    quit(): void;
  };
  BrowserWindow: { getAllWindows(): WindowLike[] };
  ipcMain: IpcMainLike;
  shell: { openPath(path: string): Promise<string> };
}

/** The old app's settings, for example an electron-store. */
export interface OldStore {
  get(key: string): unknown;
  delete(key: string): void;
}

export interface ConnectOptions {
  /** The checkout, in development. */
  projectDir: string;
  /** The key of a provider stands in it as `apiKeys.openai`. */
  oldStore?: OldStore;
  mock?: boolean;
}

export function connectSidecar(
  { app, BrowserWindow, ipcMain, shell }: ElectronLike,
  { projectDir, oldStore, mock = false }: ConnectOptions,
): SidecarClient {
  const dataDir = app.getPath("userData");
  const where = app.isPackaged ? { resourcesPath: resourcesPath() } : { projectDir };
  const client = new SidecarClient({
    command: findSidecar({ ...where, dataDir, mock }),
    log: { folder: join(app.getPath("logs"), "sidecar") },
  });
  registerAbai({
    ipcMain,
    client,
    getWindows: () => BrowserWindow.getAllWindows(),
    openHistoryFolder: folderOpener((path) => shell.openPath(path), dataDir),
  });
  const started = client.start();
  started.catch((error: unknown) => console.error(error));
  if (oldStore !== undefined) {
    moveKeys({
      client,
      read: (provider) => oldStore.get(`apiKeys.${provider}`),
      remove: (provider) => oldStore.delete(`apiKeys.${provider}`),
      // A sidecar that does not start is told above; the keys stay where they are.
    }).catch(() => undefined);
  }
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
