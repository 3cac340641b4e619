/**
 * What the window sees, and the channels between window and main process. Types and constants only:
 * a sandboxed preload can load no other file, so that it may import from here nothing but types.
 */

export interface ApiRequest {
  type: string;
  payload?: unknown;
}

/** What crosses to the main process: the request, and which load of the page it is from. */
export interface SentRequest extends ApiRequest {
  /** Comes back with the progress, so that a page that was reloaded does not get that of the page before it. */
  page?: string;
}

/** What `window.api.request` resolves to. It rejects only when there is no main process to answer. */
export type Envelope =
  | { success: true; data: unknown }
  | { success: false; error: string; code: number; kind: string; data?: unknown };

export type Unsubscribe = () => void;

export interface WindowApi {
  /** `request({type, payload})` is what the existing renderer sends; `request(type, payload)` is the same. */
  request(request: ApiRequest): Promise<Envelope>;
  request(type: string, payload?: unknown): Promise<Envelope>;
  /** Listens to a notification of the contract, `$/progress` of this window's own requests included. */
  on(name: string, listener: (params: unknown) => void): Unsubscribe;
}

export interface WindowIpc {
  /** Gets the bare name of the provider whose key was refused. */
  onInvalidKey(listener: (provider: string) => void): Unsubscribe;
  onOpenSettings(listener: () => void): Unsubscribe;
}

export const CHANNELS = {
  request: "app:request",
  event: "abai:event",
  invalidKey: "settings:invalidKey",
  openSettings: "menu:openSettings",
} as const;
