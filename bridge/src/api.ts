/**
 * What the window sees, and the channels between window and main process. Types and constants only:
 * a sandboxed preload can load no other file, so that it may import from here nothing but types.
 */
import type { Notifications } from "./contract.js";
import type { CallArgs, MethodName, NotificationName, ParamsOf, ResultOf } from "./typed.js";

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
export type Envelope<T = unknown> =
  | { success: true; data: T }
  | { success: false; error: string; code: number; kind: string; data?: unknown };

export type Unsubscribe = () => void;

export interface WindowApi {
  /** `request({type, payload})` is what the existing renderer sends; `request(type, payload)` is the same. */
  request(request: ApiRequest): Promise<Envelope>;
  request(type: string, payload?: unknown): Promise<Envelope>;
  /** Listens to a notification of the contract, `$/progress` of this window's own requests included. */
  on(name: string, listener: (params: unknown) => void): Unsubscribe;
}

/** `window.api` as a page that is written in TypeScript sees it: every name and every member is the contract's. */
export interface AbaiApi {
  request<M extends MethodName>(request: {
    type: M;
    payload?: ParamsOf<M>;
  }): Promise<Envelope<ResultOf<M>>>;
  request<M extends MethodName>(type: M, ...payload: CallArgs<M, never>): Promise<Envelope<ResultOf<M>>>;
  /** Stops the request of this window that has that `partialResultToken`. */
  request(type: "request:cancel", payload: { token: string }): Promise<Envelope<null>>;
  on<N extends NotificationName>(name: N, listener: (params: Notifications[N]) => void): Unsubscribe;
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
