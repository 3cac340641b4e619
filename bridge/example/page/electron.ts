/**
 * What the preload takes for Electron when the page is in a browser without it: the other end of ipc-over-http.ts.
 * Nothing of it is in an app, where the preload gets Electron itself.
 */

type Listener = (event: unknown, ...args: unknown[]) => void;

interface Message {
  page?: string;
  reply?: number;
  result?: unknown;
  error?: string;
  channel?: string;
  args?: unknown[];
}

const listeners = new Map<string, Set<Listener>>();
const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
const LOST = "The connection to the app was lost. Load the page again.";
let lastReply = 0;
let sending = Promise.resolve();

// Beside this module, from whichever page it is loaded.
const address = new URL(/* @vite-ignore */ "./ipc", import.meta.url);
const events = new EventSource(address);
const page = new Promise<string>((resolve, reject) => {
  // The server gives a stream that is opened anew another name, so that a page that lost it has to be loaded again.
  events.onerror = () => {
    events.close();
    reject(new Error(LOST));
    for (const reply of [...waiting.keys()]) settle(reply, { error: LOST });
  };
  events.onmessage = ({ data }: MessageEvent<string>) => {
    const message = JSON.parse(data) as Message;
    if (message.page !== undefined) resolve(message.page);
    if (message.reply !== undefined) settle(message.reply, message);
    for (const listener of [...(listeners.get(message.channel ?? "") ?? [])])
      listener({}, ...(message.args ?? []));
  };
});
// Requests after the loss say it; before them nobody waits for this.
page.catch(() => undefined);

async function post(reply: number, body: string): Promise<void> {
  try {
    const response = await fetch(address, {
      method: "POST",
      body,
      headers: { "Content-Type": "application/json" },
    });
    if (!response.ok) settle(reply, { error: `The app refused the request (${response.status}).` });
  } catch {
    settle(reply, { error: LOST });
  }
}

function settle(reply: number, { result, error }: Message): void {
  const call = waiting.get(reply);
  waiting.delete(reply);
  if (error === undefined) call?.resolve(result);
  else call?.reject(new Error(error));
}

export const electron = {
  contextBridge: {
    exposeInMainWorld: (name: string, api: unknown): void => {
      Object.defineProperty(window, name, { value: api, enumerable: true });
    },
  },
  ipcRenderer: {
    invoke: async (channel: string, ...args: unknown[]): Promise<unknown> => {
      // As Electron does: a copy is sent, and what cannot be copied is an error with these words.
      const copies = structuredClone(args);
      const own = await page;
      const reply = ++lastReply;
      const answer = new Promise<unknown>((resolve, reject) => waiting.set(reply, { resolve, reject }));
      const body = JSON.stringify({ page: own, reply, channel, args: copies });
      // One after the other, as Electron keeps the order in which a page sends.
      sending = sending.then(() => post(reply, body));
      return answer;
    },
    on: (channel: string, listener: Listener): void => {
      listeners.set(channel, (listeners.get(channel) ?? new Set<Listener>()).add(listener));
    },
    removeListener: (channel: string, listener: Listener): void => {
      listeners.get(channel)?.delete(listener);
    },
  },
};
