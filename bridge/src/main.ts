import { CHANNELS, type Envelope, type SentRequest } from "./api.js";
import type { SidecarClient } from "./client.js";
import type { IpcMainLike, WebContentsLike, WindowLike } from "./electron.js";
import { failure, parseRequest, success } from "./envelope.js";
import { contractError, SidecarError } from "./errors.js";
import { Running } from "./running.js";

/** A request that the bridge answers itself: it ends another one of the same page. */
export const CANCEL = "request:cancel";

export interface AbaiOptions {
  ipcMain: IpcMainLike;
  /** The windows that get notifications: `() => BrowserWindow.getAllWindows()`. */
  getWindows: () => readonly WindowLike[];
  client: Pick<SidecarClient, "request" | "onAnyNotification">;
  /** Opens the folder of the history: what `folderOpener` makes. Without it nothing is opened. */
  openHistoryFolder?: (project: string | undefined) => unknown;
  /** Gets what no person is shown: errors that are not the sidecar's. Default: the console. */
  onInternalError?: (error: unknown) => void;
}

export interface Abai {
  /** Tells the windows to open their settings: for the menu. */
  openSettings(): void;
  dispose(): void;
}

/** Connects the windows with the sidecar: requests one way, notifications the other. */
export function registerAbai(options: AbaiOptions): Abai {
  const { ipcMain, getWindows, client } = options;
  const broadcast = (channel: string, ...args: unknown[]): void => {
    for (const window of getWindows()) {
      if (!window.isDestroyed()) sendTo(window.webContents, channel, ...args);
    }
  };

  const running = new Running();
  ipcMain.handle(CHANNELS.request, async (event, message): Promise<Envelope> => {
    try {
      return success(await answer(options, message, event.sender, running));
    } catch (error) {
      if (!(error instanceof SidecarError)) (options.onInternalError ?? console.error)(error);
      return failure(message, error);
    }
  });
  const unsubscribe = client.onAnyNotification((name, params) => {
    if (name === "settings:invalidKey") {
      broadcast(CHANNELS.invalidKey, (params as { provider?: unknown } | undefined)?.provider);
    }
    broadcast(CHANNELS.event, name, params);
  });
  return {
    openSettings: () => broadcast(CHANNELS.openSettings),
    dispose: () => {
      unsubscribe();
      ipcMain.removeHandler(CHANNELS.request);
    },
  };
}

async function answer(
  options: AbaiOptions,
  message: unknown,
  sender: WebContentsLike,
  running: Running,
): Promise<unknown> {
  const { method, params } = parseRequest(message);
  if (method === CANCEL) {
    running.stop(sender, params?.["token"]);
    return null;
  }
  if (method === "history:open-folder" && options.openHistoryFolder !== undefined) {
    const project = params?.["project"] ?? undefined;
    if (project !== undefined && typeof project !== "string") {
      throw contractError("invalid_params", "The project of history:open-folder must be a name.");
    }
    await options.openHistoryFolder(project);
    return null;
  }
  const token = params?.["partialResultToken"];
  if (token === undefined || token === null) return options.client.request(method, params);
  // Two windows may choose the same token; each gets the progress of its own requests under its own one.
  const { partialResultToken: _, ...rest } = params ?? {};
  const { page } = message as SentRequest;
  const onProgress = (value: unknown): void =>
    sendTo(sender, CHANNELS.event, "$/progress", { token, value }, ...(page === undefined ? [] : [page]));
  const { signal, ended } = running.begin(sender, token);
  return options.client.request(method, rest, { onProgress, signal }).finally(ended);
}

/** Sends to a page that is there to hear it. One that is closing or reloading misses it; nobody else does. */
function sendTo(page: WebContentsLike, channel: string, ...args: unknown[]): void {
  try {
    if (page.isDestroyed() || page.isCrashed?.() === true) return;
    page.send(channel, ...args);
  } catch {
    // Electron throws when the frame goes away between the question and the sending.
  }
}
