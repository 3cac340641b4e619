/** The example without Electron: this process is what Electron's main process would be, and any browser its window. */
import { join } from "node:path";

import { findSidecar, folderOpener, registerAbai, SidecarClient } from "../src/index.js";
import { HttpIpc } from "./ipc-over-http.js";
import { type PageServer, servePage } from "./page-server.js";

export interface ExampleOptions {
  /** The checkout. */
  projectDir: string;
  dataDir: string;
  python?: string;
  port?: number;
  /** Of pages of other servers that may speak with the sidecar. */
  origins?: readonly string[];
}

export interface Example {
  url: string;
  client: SidecarClient;
  close(): Promise<void>;
}

/** Starts a simulated sidecar and serves the page that speaks with it. */
export async function startExample(options: ExampleOptions): Promise<Example> {
  const { projectDir, dataDir, python, port, origins = [] } = options;
  const client = new SidecarClient({
    command: findSidecar({ projectDir, dataDir, mock: true, ...(python === undefined ? {} : { python }) }),
    client: { name: "abai-example", version: "1" },
    log: { folder: join(dataDir, "logs") },
  });
  const ipc = new HttpIpc();
  const abai = registerAbai({
    ipcMain: ipc.ipcMain,
    client,
    getWindows: () => ipc.windows(),
    // There is no file manager to open it with; the page shows where it is.
    openHistoryFolder: folderOpener((path) => Promise.resolve(`Here it is: ${path}`), dataDir),
  });
  let server: PageServer;
  try {
    server = await servePage({ ipc, origins, ...(port === undefined ? {} : { port }) });
    await client.start();
  } catch (error) {
    await client.stop();
    throw error;
  }
  return {
    url: server.url,
    client,
    close: async () => {
      abai.dispose();
      await server.close();
      await client.stop();
    },
  };
}
