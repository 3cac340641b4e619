import { appendFile, mkdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";

export interface LogFileOptions {
  /** The folder, made when it is missing. In Electron: `app.getPath("logs")`. */
  folder: string;
  /** Default: sidecar; the newest file is `sidecar.log`, the ones before it `sidecar.1.log` and so on. */
  name?: string;
  /** Of one file. Default: 2 MiB. */
  maxBytes?: number;
  /** All together. Default: 4. */
  files?: number;
  /** Told once when nothing can be written, for example on a full disk. Default: the console. */
  onError?: (error: unknown) => void;
}

// What may wait for a slow disk; what comes beyond it is counted and left out.
const MOST_WAITING = 1_000_000;

/** A log of bounded size: lines go to the newest file, and the oldest file goes. Writing never throws. */
export class LogFile {
  readonly path: string;
  readonly #options: Required<LogFileOptions>;
  #waiting: string[] = [];
  #waitingLength = 0;
  #dropped = 0;
  #size: number | undefined;
  #writing: Promise<void> | undefined;
  #failed = false;

  constructor(options: LogFileOptions) {
    this.#options = {
      name: "sidecar",
      maxBytes: 2 * 1024 * 1024,
      files: 4,
      onError: (error) => console.error("The log cannot be written:", error),
      ...options,
    };
    this.path = this.#pathOf(0);
  }

  add(line: string): void {
    if (this.#waitingLength > MOST_WAITING) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(line);
    this.#waitingLength += line.length + 1;
    this.#writing ??= this.#write();
  }

  /** Resolves when everything that was added is in the files. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #write(): Promise<void> {
    // Lines that are added in the same turn are written together.
    await Promise.resolve();
    try {
      while (this.#waiting.length > 0) await this.#append(this.#take());
    } catch (error) {
      this.#waiting = [];
      this.#waitingLength = 0;
      this.#size = undefined;
      if (!this.#failed) this.#options.onError(error);
      this.#failed = true;
    } finally {
      this.#writing = undefined;
    }
  }

  #take(): string {
    const lines = this.#waiting;
    if (this.#dropped > 0) lines.push(`(${this.#dropped} lines came faster than they could be written)`);
    this.#waiting = [];
    this.#waitingLength = 0;
    this.#dropped = 0;
    return `${lines.join("\n")}\n`;
  }

  async #append(text: string): Promise<void> {
    const { folder, maxBytes } = this.#options;
    if (this.#size === undefined) {
      await mkdir(folder, { recursive: true });
      this.#size = await sizeOf(this.path);
    }
    for (const part of partsOf(text, maxBytes)) {
      const bytes = Buffer.byteLength(part);
      if (this.#size > 0 && this.#size + bytes > maxBytes) {
        await this.#rotate();
        this.#size = 0;
      }
      await appendFile(this.path, part, "utf8");
      this.#size += bytes;
    }
  }

  async #rotate(): Promise<void> {
    const last = this.#options.files - 1;
    await rm(this.#pathOf(last), { force: true });
    for (let age = last - 1; age >= 0; age -= 1) {
      await rename(this.#pathOf(age), this.#pathOf(age + 1)).catch(ignoreMissing);
    }
  }

  #pathOf(age: number): string {
    const { folder, name } = this.#options;
    return join(folder, age === 0 ? `${name}.log` : `${name}.${age}.log`);
  }
}

/** Whole lines in pieces that each fit into a file; a line that alone does not is a piece of its own. */
function partsOf(text: string, maxBytes: number): string[] {
  const parts: string[] = [];
  let part = "";
  let bytes = 0;
  for (const line of text.split(/(?<=\n)/)) {
    const more = Buffer.byteLength(line);
    if (bytes > 0 && bytes + more > maxBytes) {
      parts.push(part);
      [part, bytes] = ["", 0];
    }
    part += line;
    bytes += more;
  }
  return [...parts, part];
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    (error: unknown) => {
      ignoreMissing(error);
      return 0;
    },
  );
}

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
}
