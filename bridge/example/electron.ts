/** The example's main process: `electron out/example/electron.js`. The sidecar is simulated. */
import { resolve } from "node:path";

import { connectSidecar, type ElectronLike } from "./main.js";
import { servePage } from "./page-server.js";

interface BrowserWindowLike {
  loadURL(url: string): Promise<void>;
}

const electron = require("electron") as ElectronLike & {
  app: { whenReady(): Promise<void>; on(event: "window-all-closed", listener: () => void): unknown };
  BrowserWindow: new (options: object) => BrowserWindowLike;
};

async function main(): Promise<void> {
  const { app, BrowserWindow } = electron;
  app.on("window-all-closed", () => app.quit());
  await app.whenReady();
  // From bridge/out/example. An app of one's own leaves `mock` out.
  connectSidecar(electron, { projectDir: resolve(__dirname, "..", "..", ".."), mock: true });
  const { url } = await servePage();
  // Requests that the page sends before the sidecar is ready wait for it.
  const window = new BrowserWindow({
    width: 1280,
    height: 900,
    webPreferences: {
      preload: resolve(__dirname, "..", "src", "preload.js"),
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
    },
  });
  await window.loadURL(url);
}

main().catch((error: unknown) => {
  console.error(error);
  electron.app.quit();
});
