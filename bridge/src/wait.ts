/** Whether `promise` settled within `ms`. The timer does not keep the program alive after it. */
export async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([
      promise.then(
        () => true,
        () => true,
      ),
      late,
    ]);
  } finally {
    clearTimeout(timer);
  }
}

/** A promise and the functions that settle it. A rejection that nobody waits for is not an error. */
export class Deferred<T> {
  readonly promise: Promise<T>;
  resolve!: (value: T) => void;
  reject!: (reason: Error) => void;

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.promise.catch(() => undefined);
  }
}

/** Listeners of one kind of event. One that throws is reported and does not keep the others from being called. */
export class Listeners<A extends unknown[]> {
  readonly #all = new Set<(...args: A) => void>();

  /** Returns the function that takes the listener away again. */
  add(listener: (...args: A) => void): () => void {
    // A wrapper of its own, so that the same function added twice is called twice and removed once.
    const own = (...args: A): void => listener(...args);
    this.#all.add(own);
    return () => void this.#all.delete(own);
  }

  emit(...args: A): void {
    for (const listener of [...this.#all]) callSafely(listener, ...args);
  }
}

/** Calls a function of somebody else's: what it throws is printed, as nobody is there to catch it. */
export function callSafely<A extends unknown[]>(listener: (...args: A) => void, ...args: A): void {
  try {
    listener(...args);
  } catch (error) {
    console.error("A listener failed:", error);
  }
}
