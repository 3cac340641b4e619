import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";

import type { Command } from "./command.js";
import { LineRing } from "./lines.js";
import { callSafely, Deferred } from "./wait.js";

export interface ExitInfo {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface SpawnOptions {
  /** Called with every line that the sidecar writes to stderr. */
  onStderrLine?: (line: string) => void;
  /** How many of the last lines are kept for `stderrTail()`. */
  keepLines?: number;
}

// A grandchild that inherited the pipe would hold back "close" for as long as it lives.
const CLOSE_GRACE_MS = 1_000;

/** One run of the sidecar: its streams, its last words, its end. */
export class SidecarProcess {
  /** Resolves once the program runs; rejects when it could not be started. */
  readonly started: Promise<void>;
  /** Resolves when it has ended and everything that it wrote was read. Never rejects. */
  readonly exited: Promise<ExitInfo>;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #ring: LineRing;

  constructor(command: Command, options: SpawnOptions = {}) {
    const onLine = options.onStderrLine;
    this.#ring = new LineRing(options.keepLines ?? 200, (line) => {
      if (onLine !== undefined) callSafely(onLine, line);
    });
    const started = new Deferred<void>();
    const exited = new Deferred<ExitInfo>();
    this.started = started.promise;
    this.exited = exited.promise;
    const child = spawn(command.program, command.args, {
      stdio: ["pipe", "pipe", "pipe"],
      windowsHide: true,
      env: { ...process.env, ...command.env },
      ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
    });
    this.#child = child;
    child.on("spawn", () => started.resolve());
    child.on("error", (error) => {
      started.reject(error);
      if (child.pid === undefined) exited.resolve({ code: null, signal: null });
    });
    child.on("exit", (code, signal) => {
      const timer = setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, CLOSE_GRACE_MS);
      child.on("close", () => clearTimeout(timer));
      child.on("close", () => exited.resolve({ code, signal }));
    });
    // A sidecar that died leaves a broken pipe; its end is reported by `exited` alone.
    child.stdin.on("error", () => undefined);
    // Somebody has to read stderr, or the pipe fills up and the sidecar stands still.
    child.stderr.setEncoding("utf8");
    child.stderr.on("data", (text: string) => this.#ring.push(text));
    child.stderr.on("end", () => this.#ring.finish());
  }

  get stdin(): NodeJS.WritableStream {
    return this.#child.stdin;
  }

  get stdout(): NodeJS.ReadableStream {
    return this.#child.stdout;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** The last lines of stderr, oldest first. */
  stderrTail(): string[] {
    return this.#ring.lines();
  }

  endInput(): void {
    this.#child.stdin.end();
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

/** How it ended, with its last words. */
export function describeExit(exit: ExitInfo, lastLines: readonly string[]): string {
  const how = exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`;
  return [how, ...lastLines.slice(-5)].join("\n");
}
