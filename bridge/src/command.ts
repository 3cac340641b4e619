import { existsSync } from "node:fs";
import { join } from "node:path";

/** What is started: a program, its arguments, and where. */
export interface Command {
  program: string;
  args: readonly string[];
  cwd?: string;
  env?: Readonly<Record<string, string>>;
}

export interface FindOptions {
  /** `process.resourcesPath` of a packaged app; the frozen sidecar is looked for in `sidecar/` below it. */
  resourcesPath?: string;
  /** A frozen sidecar somewhere else. */
  binary?: string;
  /** A Python to run the sidecar from a checkout; without it the checkout's `.venv`, then the one on the path. */
  python?: string;
  /** The checkout, when running from one. */
  projectDir?: string;
  /** Where the database is; without it the sidecar's own choice. In Electron: `app.getPath("userData")`. */
  dataDir?: string;
  /** Answer from the built-in simulator: no key, no network. */
  mock?: boolean;
  logLevel?: "debug" | "info" | "warning" | "error";
  /** More flags of `serve`. */
  args?: readonly string[];
}

/** What the choice depends on, so that it can be tested for any platform. */
export interface Host {
  platform: NodeJS.Platform;
  exists: (path: string) => boolean;
}

const THIS_HOST: Host = { platform: process.platform, exists: existsSync };

export function frozenName(platform: NodeJS.Platform): string {
  return platform === "win32" ? "abai-sidecar.exe" : "abai-sidecar";
}

/**
 * Chooses what to start: a frozen binary that was named, else one below `resourcesPath`, else a Python.
 * Never fails: what does not exist is reported when it is started, where calls can carry the reason.
 */
export function findSidecar(options: FindOptions, host: Host = THIS_HOST): Command {
  const serve = ["serve", ...serveFlags(options)];
  if (options.binary !== undefined) return { program: options.binary, args: serve };
  if (options.resourcesPath !== undefined && options.python === undefined) {
    const frozen = join(options.resourcesPath, "sidecar", frozenName(host.platform));
    if (options.projectDir === undefined || host.exists(frozen)) return { program: frozen, args: serve };
  }
  const command: Command = {
    program: options.python ?? developmentPython(options.projectDir, host),
    args: ["-m", "sidecar", ...serve],
    // Windows would otherwise read and write files in the system's code page.
    env: { PYTHONUTF8: "1" },
  };
  return options.projectDir === undefined ? command : { ...command, cwd: options.projectDir };
}

function serveFlags(options: FindOptions): string[] {
  const flags: string[] = [];
  if (options.mock === true) flags.push("--mock");
  if (options.dataDir !== undefined) flags.push("--data-dir", options.dataDir);
  if (options.logLevel !== undefined) flags.push("--log-level", options.logLevel);
  return [...flags, ...(options.args ?? [])];
}

function developmentPython(projectDir: string | undefined, host: Host): string {
  const windows = host.platform === "win32";
  if (projectDir !== undefined) {
    const inVenv = windows
      ? join(projectDir, ".venv", "Scripts", "python.exe")
      : join(projectDir, ".venv", "bin", "python");
    if (host.exists(inVenv)) return inVenv;
  }
  return windows ? "python" : "python3";
}
