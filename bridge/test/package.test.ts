/** The package as people get it: packed, installed in a folder of their own, compiled, bundled and run there. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before } from "node:test";

import { it } from "./helpers.js";
import { PROJECT } from "./mocks.js";

const BRIDGE = join(PROJECT, "bridge");
const HOME = mkdtempSync(join(tmpdir(), "abai-package-"));

const SOURCES = {
  "main.mts": `
    import { join } from "node:path";
    import { findSidecar, PRELOAD_PATH, SidecarClient } from "@abai/bridge";
    import { ERROR_CODES, type Project } from "@abai/bridge/contract";
    const client = new SidecarClient({ command: findSidecar({ projectDir: "p", dataDir: "d" }) });
    const projects: Promise<Project[]> = client.call("project:list");
    void projects.catch(() => undefined);
    console.log(PRELOAD_PATH.endsWith(join("src", "preload.js")), ERROR_CODES.cancelled, client.state);
    void client.stop();
  `,
  "main.cts": `
    import { SidecarClient } from "@abai/bridge";
    import { call, CallError } from "@abai/bridge/renderer";
    import { installMockApi } from "@abai/bridge/mock";
    installMockApi({ latencyMs: 0, search: "" });
    call("project:list").then((list) => console.log(list.length, typeof SidecarClient, typeof CallError));
  `,
  "page.ts": `
    import { ERROR_CODES } from "@abai/bridge/contract";
    import { installMockApi } from "@abai/bridge/mock";
    import { call, CallError, on, stream } from "@abai/bridge/renderer";
    if (!("api" in window)) installMockApi();
    const stop = new AbortController();
    export async function ask(content: string): Promise<string> {
      let text = "";
      const told = stream("chat:send", { content, modelId: "openai/gpt-6-luna" }, { signal: stop.signal });
      for await (const piece of told) if (piece.type === "text") text += piece.text;
      return text;
    }
    on("batch:progress", ({ jobId, percentage }) => console.log(jobId.length, percentage.toFixed(1)));
    const usual = await window.api.request("project:get", { id: "p" });
    if (usual.success) console.log(usual.data?.name);
    // @ts-expect-error: there is no such method
    void call("project:lisst");
    // @ts-expect-error: nor such a member
    void call("project:get", { identity: "p" });
    // @ts-expect-error: nor here
    void window.api.request("project:delet", { id: "p" });
    // @ts-expect-error: a question does not tell of a batch
    on("batch:progress", ({ text }) => text);
    console.log(CallError.name, ERROR_CODES.not_found, await ask("Why?"));
  `,
};

/** The blocks of code of a page. */
function codeOf(page: string): string[] {
  const text = readFileSync(join(PROJECT, page), "utf8");
  return [...text.matchAll(/^```ts\n([^]*?)^```/gm)].map(([, code = ""]) => code);
}

// What the pages take for granted: Electron's objects, and what an app or a page has of its own.
const AROUND_MAIN = `
  import * as path from "node:path";
  declare const app: {
    isPackaged: boolean;
    getPath(name: string): string;
    on(event: "before-quit", listener: (event: { preventDefault(): void }) => void): void;
    quit(): void;
  };
  declare const BrowserWindow: {
    new (options: object): object;
    getAllWindows(): import("@abai/bridge").AbaiOptions["getWindows"] extends () => infer W ? W : never;
  };
  declare const ipcMain: import("@abai/bridge").AbaiOptions["ipcMain"];
  declare const shell: { openPath(path: string): Promise<string> };
  declare const store: { get(name: string): unknown; delete(name: string): void };
  declare const projectDir: string;
  declare const client: import("@abai/bridge").SidecarClient;
  declare global { namespace NodeJS { interface Process { resourcesPath: string } } }
  void path;
`;
const AROUND_PAGE = `
  declare const content: string, modelId: string, conversationId: string;
  declare const show: (jobId: string, percentage: number) => void, append: (text: string) => void;
`;

/** What a recipe needs of a browser: as much of a page as it touches, in which Stop is pressed at the third word. */
const A_PAGE = `
  import { installMockApi } from "@abai/bridge/mock";
  installMockApi({ latencyMs: 0, delayMs: 0, rowMs: 0, search: "" });
  let pressed = () => {};
  let pieces = 0;
  const shown = [];
  const element = {
    append: (...words) => { shown.push(...words); if (++pieces === 3) pressed(); },
    after: (...words) => shown.push(...words),
    setAttribute: () => {},
    addEventListener: (_, listener) => (pressed = listener),
  };
  globalThis.document = { querySelector: () => element, body: element };
  globalThis.confirm = () => true;
  await import("./" + process.argv[2]);
  console.log(shown.join(" "));
  process.exit(0);
`;

function compile(files: string[], more: object): void {
  const compilerOptions = {
    ...{ strict: true, target: "es2022", skipLibCheck: false, outDir: "out", rootDir: ".", types: ["node"] },
    ...more,
  };
  writeFileSync(join(HOME, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
  run(join(BRIDGE, "node_modules", "typescript", "bin", "tsc"), "-p", "tsconfig.json");
}

/** What a program of Node's prints, run in the folder. */
function run(program: string, ...args: string[]): string {
  try {
    return execFileSync(process.execPath, [program, ...args], { cwd: HOME, encoding: "utf8" });
  } catch (error) {
    throw new Error((error as { stdout: string }).stdout, { cause: error });
  }
}

before(() => {
  // What the build made is packed as it is.
  const npm =
    process.env["npm_execpath"] ?? join(dirname(process.execPath), "../lib/node_modules/npm/bin/npm-cli.js");
  const options = ["--ignore-scripts", "--silent", "--pack-destination", HOME];
  execFileSync(process.execPath, [npm, "pack", ...options], { cwd: BRIDGE });
  execFileSync("tar", ["-xzf", "abai-bridge-0.1.0.tgz"], { cwd: HOME });
  const modules = join(HOME, "node_modules");
  mkdirSync(join(modules, "@abai"), { recursive: true });
  mkdirSync(join(modules, "@types"));
  cpSync(join(HOME, "package"), join(modules, "@abai", "bridge"), { recursive: true });
  for (const name of ["vscode-jsonrpc", "@types/node", "undici-types"])
    symlinkSync(join(BRIDGE, "node_modules", name), join(modules, name), "junction");
  writeFileSync(join(HOME, "package.json"), '{ "name": "app", "private": true }');
  for (const [name, source] of Object.entries(SOURCES)) writeFileSync(join(HOME, name), source);
});
after(() => rmSync(HOME, { recursive: true, force: true, maxRetries: 5 }));

it("a main process compiles against the package under node16, as module and as CommonJS, and runs", () => {
  compile(["main.mts", "main.cts"], { module: "node16", moduleResolution: "node16" });
  assert.equal(run("out/main.mjs"), "true -32800 idle\n");
  assert.equal(run("out/main.cjs"), "0 function function\n");
});

it("a window compiles against the package as bundlers read it, and misspelt names do not", () => {
  const lib = ["es2023", "dom", "dom.asynciterable"];
  compile(["page.ts"], { module: "esnext", moduleResolution: "bundler", lib, types: [], noEmit: true });
});

it("a page is bundled without anything of Node", () => {
  writeFileSync(join(HOME, "index.html"), '<!doctype html><script type="module" src="./page.ts"></script>');
  const vite = join(BRIDGE, "node_modules", "vite", "bin", "vite.js");
  run(vite, "build", "--logLevel", "error", "--outDir", "bundle", "--target", "es2022");
  const html = readFileSync(join(HOME, "bundle", "index.html"), "utf8");
  const [, script = ""] = /src="\/(assets\/[^"]+\.js)"/.exec(html) ?? [];
  const bundle = readFileSync(join(HOME, "bundle", script), "utf8");
  assert.match(bundle, /request:cancel/);
  assert.doesNotMatch(bundle, /node:|child_process|__vite-browser-external|vscode-jsonrpc|require\(/);
});

it("every recipe for the window compiles and runs", () => {
  const recipes = codeOf("docs/recipes.md");
  const names = recipes.map((_, index) => `recipe${index}.mts`);
  recipes.forEach((code, index) => writeFileSync(join(HOME, names[index] ?? ""), code));
  writeFileSync(join(HOME, "around.mjs"), A_PAGE);
  const lib = ["es2023", "dom", "dom.iterable", "dom.asynciterable"];
  compile(names, { module: "esnext", moduleResolution: "bundler", lib, types: [] });
  const said = names.map((name) => run("around.mjs", `out/${name.replace(".mts", ".mjs")}`));
  const expected = [/simulated.*\$0\.\d+/s, /\S/, /openai.*anthropic/s, /simulated.*simulated/s, /Das gibt es nicht/, /^\s*$/, /^\s*$/];
  assert.equal(said.length, expected.length);
  expected.forEach((pattern, index) => assert.match(said[index] ?? "", pattern));
});

it("the code of the other pages compiles", () => {
  const main = ["README.md", "docs/shipping.md", "bridge/README.md"].flatMap(codeOf);
  const ofPage = main.filter((code) => code.includes("/renderer"));
  const blocks = main.filter((code) => !code.includes("/renderer"));
  const files = blocks.map((code, index) => {
    // What the block makes itself is not taken for granted.
    const around = code.includes("const client") ? AROUND_MAIN.replace(/declare const client:.*/, "") : AROUND_MAIN;
    const imports = code.includes("moveKeys({") ? 'import { moveKeys } from "@abai/bridge";' : "";
    writeFileSync(join(HOME, `main${index}.mts`), `${imports}${around}${code}`);
    return `main${index}.mts`;
  });
  ofPage.forEach((code, index) => {
    writeFileSync(join(HOME, `window${index}.mts`), AROUND_PAGE + code);
    files.push(`window${index}.mts`);
  });
  const lib = ["es2023", "dom", "dom.asynciterable"];
  compile(files, { module: "node16", moduleResolution: "node16", lib, noEmit: true });
});

it("the package holds no tests and no maps", () => {
  const names = execFileSync("tar", ["-tzf", "abai-bridge-0.1.0.tgz"], { cwd: HOME, encoding: "utf8" });
  assert.doesNotMatch(names, /test|example|\.map$/m);
});
