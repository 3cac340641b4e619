import type { WindowApi, WindowIpc } from "../../src/api.js";
import type { Methods, Notifications } from "../../src/contract.js";

declare global {
  interface Window {
    readonly api: WindowApi;
    readonly ipc: WindowIpc;
  }
}

type ParamsOf<M extends keyof Methods> = Methods[M]["params"];

/** A failed request: its message is a sentence for the person. */
export class Failed extends Error {
  constructor(
    message: string,
    readonly kind: string,
  ) {
    super(message);
  }
}

/** A request, typed by the contract. Throws Failed. */
export async function call<M extends keyof Methods & string>(
  method: M,
  params?: ParamsOf<M> extends object ? Readonly<ParamsOf<M>> : undefined,
): Promise<Methods[M]["result"]> {
  const answer = await window.api.request(method, params);
  if (!answer.success) throw new Failed(answer.error, answer.kind);
  return answer.data as Methods[M]["result"];
}

export function on<N extends keyof Notifications & string>(
  name: N,
  listener: (params: Notifications[N]) => void,
): () => void {
  return window.api.on(name, (params) => listener(params as Notifications[N]));
}

export function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
