import type { WebContentsLike } from "./electron.js";

/** What each page may stop: its requests with a token, while they run. */
export class Running {
  readonly #byPage = new WeakMap<WebContentsLike, Map<unknown, AbortController>>();

  begin(page: WebContentsLike, token: unknown): { signal: AbortSignal; ended: () => void } {
    const ofPage = this.#byPage.get(page) ?? new Map<unknown, AbortController>();
    this.#byPage.set(page, ofPage);
    const controller = new AbortController();
    ofPage.set(token, controller);
    const ended = (): void => {
      if (ofPage.get(token) === controller) ofPage.delete(token);
    };
    return { signal: controller.signal, ended };
  }

  stop(page: WebContentsLike, token: unknown): void {
    this.#byPage.get(page)?.get(token)?.abort();
  }
}
