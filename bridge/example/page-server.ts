/** A small web server on loopback for the example's page, the preload and the mock. */
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize, resolve, sep } from "node:path";

import type { HttpIpc } from "./ipc-over-http.js";

// This file runs from bridge/out/example.
const OUT = resolve(__dirname, "..");

/** Where a path below the prefix is looked for; the first that has it gives it. */
const ROOTS: readonly [prefix: string, folder: string][] = [
  ["/test/", join(OUT, "page", "test", "browser")],
  ["/", join(OUT, "page", "example", "page")],
  ["/", join(OUT, "page")],
];

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

export interface PageServer {
  url: string;
  close(): Promise<void>;
}

export interface PageServerOptions {
  /** What lets pages speak with this process. */
  ipc?: HttpIpc;
  port?: number;
  /** Of pages that another server of this machine serves, for example `http://localhost:5173`, and that may speak too. */
  origins?: readonly string[];
}

/** Serves the page; with `ipc`, also what lets it speak with this process. Only this machine can reach it. */
export async function servePage(options: PageServerOptions = {}): Promise<PageServer> {
  const server = createServer((request, response) => {
    answer(server, options, request, response).catch((error: unknown) => {
      console.error(error);
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  await new Promise<void>((started, failed) => {
    server.once("error", failed);
    server.listen(options.port ?? 0, "127.0.0.1", started);
  });
  return {
    url: `http://${hostOf(server)}/`,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        options.ipc?.close();
        server.closeAllConnections();
      }),
  };
}

async function answer(
  server: Server,
  { ipc, origins = [] }: PageServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const host = hostOf(server);
  const { origin, host: asked } = request.headers;
  const own = origin === undefined || origin === `http://${host}`;
  // No other site that the person has open may speak with the sidecar, neither directly nor under a borrowed name.
  if (asked !== host || !(own || origins.includes(origin))) {
    response.writeHead(403).end();
    return;
  }
  if (!own) {
    response.setHeader("Access-Control-Allow-Origin", origin);
    response.setHeader("Vary", "Origin");
    if (request.method === "OPTIONS") {
      response.writeHead(204, { "Access-Control-Allow-Headers": "Content-Type" }).end();
      return;
    }
  }
  const { pathname } = new URL(request.url ?? "/", `http://${host}`);
  if (pathname === "/ipc" && ipc !== undefined) return ipc.serve(request, response);
  const file = pathname === "/preload.js" ? await preloadModule() : await findFile(pathname);
  if (file === undefined) {
    response.writeHead(404, { "Content-Type": "text/plain" }).end("Not found");
    return;
  }
  response.writeHead(200, {
    "Content-Type": file.type,
    "Cache-Control": "no-store",
    "Content-Security-Policy":
      "default-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'",
  });
  response.end(file.body);
}

interface File {
  type: string;
  body: string;
}

/** The bridge's own preload, which asks for Electron by `require`, as a module that gets the stand-in instead. */
async function preloadModule(): Promise<File> {
  const source = await readFile(join(OUT, "src", "preload.js"), "utf8");
  const body = `import { electron } from "./electron.js";\n(function (require, exports) {\n${source}\n})(() => electron, {});\n`;
  return { type: TYPES[".js"] ?? "", body };
}

async function findFile(pathname: string): Promise<File | undefined> {
  const path = pathname === "/" ? "/index.html" : decodeURIComponent(pathname);
  const type = TYPES[extname(path)];
  if (type === undefined) return undefined;
  for (const [prefix, folder] of ROOTS) {
    if (!path.startsWith(prefix)) continue;
    const file = normalize(join(folder, path.slice(prefix.length)));
    if (!file.startsWith(folder + sep)) continue;
    const body = await readFile(file, "utf8").catch(() => undefined);
    if (body !== undefined) return { type, body };
  }
  return undefined;
}

function hostOf(server: Server): string {
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
