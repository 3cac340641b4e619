/**
 * Stands in for Electron's IPC between a page in any browser and this process: requests come as POST, and their
 * answers, like everything else for the page, leave on its stream of server-sent events. Only because IPC is carried
 * over loopback HTTP here can a page use the preload and the bridge without Electron; an app never does this.
 */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";

import type { IpcMainLike, WebContentsLike, WindowLike } from "../src/electron.js";

type Handler = Parameters<IpcMainLike["handle"]>[1];

const LARGEST_REQUEST = 64 * 1024 * 1024;

/** A page that is connected, as Electron's main process would see its window. */
class Page implements WindowLike {
  readonly webContents: WebContentsLike;
  #gone = false;

  constructor(readonly events: ServerResponse) {
    this.webContents = {
      send: (channel, ...args) => this.write({ channel, args }),
      isDestroyed: () => this.#gone,
    };
    events.on("close", () => (this.#gone = true));
  }

  isDestroyed(): boolean {
    return this.#gone;
  }

  write(message: object): void {
    if (!this.#gone) this.events.write(`data: ${JSON.stringify(message)}\n\n`);
  }
}

export class HttpIpc {
  readonly ipcMain: IpcMainLike;
  readonly #handlers = new Map<string, Handler>();
  readonly #pages = new Map<string, Page>();

  constructor() {
    this.ipcMain = {
      handle: (channel, listener) => void this.#handlers.set(channel, listener),
      removeHandler: (channel) => void this.#handlers.delete(channel),
    };
  }

  windows(): WindowLike[] {
    return [...this.#pages.values()];
  }

  /** Takes `GET /ipc` (the stream) and `POST /ipc` (a request of a page that has one). */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === "GET") return this.#open(response);
    if (request.method !== "POST") return end(response, 405);
    const text = await readAll(request);
    if (text === undefined) return end(response, 413);
    const { page: id, reply, channel, args } = parse(text);
    const page = typeof id === "string" ? this.#pages.get(id) : undefined;
    if (page === undefined || typeof channel !== "string") return end(response, 400);
    // The answer may take minutes; a browser has few connections to one server.
    end(response, 204);
    const listener = this.#handlers.get(channel);
    try {
      if (listener === undefined) throw new Error(`No handler registered for '${channel}'`);
      const sent = Array.isArray(args) ? (args as unknown[]) : [];
      page.write({ reply, result: await listener({ sender: page.webContents }, ...sent) });
    } catch (error) {
      page.write({ reply, error: error instanceof Error ? error.message : String(error) });
    }
  }

  #open(response: ServerResponse): void {
    const id = randomUUID();
    const page = new Page(response);
    this.#pages.set(id, page);
    response.on("close", () => this.#pages.delete(id));
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    page.write({ page: id });
  }

  /** Ends the streams, which would otherwise keep the server open. */
  close(): void {
    for (const { events } of this.#pages.values()) events.end();
  }
}

interface Posted {
  page?: unknown;
  reply?: unknown;
  channel?: unknown;
  args?: unknown;
}

function parse(text: string): Posted {
  try {
    return (JSON.parse(text) as Posted | null) ?? {};
  } catch {
    return {};
  }
}

function end(response: ServerResponse, status: number): void {
  response.writeHead(status).end();
}

async function readAll(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > LARGEST_REQUEST) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
