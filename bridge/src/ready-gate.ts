import { Deferred } from "./wait.js";

/** Holds back whoever needs a value until it is there, takes it away again, or says why it will not come. */
export class ReadyGate<T> {
  #current = new Deferred<T>();
  #settled = false;

  open(value: T): void {
    this.#renewIfSettled();
    this.#settled = true;
    this.#current.resolve(value);
  }

  /** From now on everybody waits. */
  shut(): void {
    this.#renewIfSettled();
  }

  /** Fails all who wait, and all who come, until the next `shut` or `open`. */
  fail(reason: Error): void {
    this.#renewIfSettled();
    this.#settled = true;
    this.#current.reject(reason);
  }

  /** Waits for the value, but not for longer than until `signal` is aborted: then rejects with its reason. */
  async pass(signal?: AbortSignal): Promise<T> {
    if (signal === undefined) return this.#current.promise;
    signal.throwIfAborted();
    const aborted = new Deferred<T>();
    const abort = (): void => aborted.reject(signal.reason as Error);
    signal.addEventListener("abort", abort, { once: true });
    try {
      return await Promise.race([this.#current.promise, aborted.promise]);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  #renewIfSettled(): void {
    if (!this.#settled) return;
    this.#current = new Deferred<T>();
    this.#settled = false;
  }
}
