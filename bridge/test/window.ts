import assert from "node:assert/strict";

import type { IpcMainLike, WebContentsLike, WindowLike } from "../src/electron.js";
import { type AbaiOptions, registerAbai } from "../src/main.js";
import { loadPreload } from "./preload-page.js";

/** A window whose page runs the real preload and can be reloaded. What crosses is copied, as Electron does. */
export class Window implements WindowLike {
  page!: ReturnType<typeof loadPreload>;
  loading = false;
  readonly webContents: WebContentsLike;
  handle: Parameters<IpcMainLike["handle"]>[1] = () => assert.fail("no handler");

  constructor() {
    this.webContents = {
      isDestroyed: () => false,
      send: (channel, ...args) => {
        if (this.loading) throw new Error("Render frame was disposed before WebFrameMain could be accessed");
        this.page.emit(channel, ...(structuredClone(args) as unknown[]));
      },
    };
    this.load();
  }

  load(): void {
    this.page = loadPreload(async (_channel, message) =>
      structuredClone(await this.handle({ sender: this.webContents }, structuredClone(message))),
    );
    this.loading = false;
  }

  isDestroyed(): boolean {
    return false;
  }
}

export function open(client: AbaiOptions["client"]): Window {
  const window = new Window();
  registerAbai({
    client,
    getWindows: () => [window],
    ipcMain: { handle: (_, listener) => void (window.handle = listener), removeHandler: () => undefined },
  });
  return window;
}
