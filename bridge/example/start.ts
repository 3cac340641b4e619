/**
 * `npm run example`: the example in mock mode, in Electron where the app has it installed, else in a browser.
 *   --browser        in a browser all the same    --port N       where, default: any free port
 *   --origin URL     of a page of one's own that may use it too, for example http://localhost:5173; any number of them
 *   --python PATH    default: that of the checkout's .venv    --data-dir DIR   default: one that is removed at the end
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

import { startExample } from "./in-browser.js";

function electronBinary(): string | undefined {
  try {
    // In plain Node the package's export is the path of its binary.
    const found: unknown = require("electron");
    return typeof found === "string" ? found : undefined;
  } catch {
    return undefined;
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      browser: { type: "boolean" },
      port: { type: "string" },
      origin: { type: "string", multiple: true },
      python: { type: "string" },
      "data-dir": { type: "string" },
    },
  });
  const electron = values.browser === true ? undefined : electronBinary();
  if (electron !== undefined) {
    spawn(electron, [join(__dirname, "electron.js")], { stdio: "inherit" }).on(
      "exit",
      (code) => (process.exitCode = code ?? 1),
    );
    return;
  }
  const own = values["data-dir"] === undefined;
  const dataDir = own ? mkdtempSync(join(tmpdir(), "abai-example-")) : resolve(values["data-dir"] ?? "");
  const example = await startExample({
    // From bridge/out/example.
    projectDir: resolve(__dirname, "..", "..", ".."),
    dataDir,
    ...(values.python === undefined ? {} : { python: resolve(values.python) }),
    origins: values.origin ?? [],
    ...(values.port === undefined ? {} : { port: Number(values.port) }),
  });
  console.log(`The example is at ${example.url} (a simulated sidecar; no key, no network).`);
  for (const origin of values.origin ?? []) {
    console.log(
      `A page at ${origin} has its window.api from <script type="module" src="${example.url}preload.js">`,
    );
  }
  console.log(`With ${example.url}?mock the page needs no sidecar at all. Ctrl+C ends it.`);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      void example.close().then(() => {
        if (own) rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
      });
    });
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
