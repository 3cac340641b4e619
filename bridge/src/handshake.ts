import { METHOD_NAMES, type Methods, PROTOCOL_VERSION, SCHEMA_HASH } from "./contract.js";
import type { SidecarConnection } from "./connection.js";
import { bridgeError, contractError, SidecarError } from "./errors.js";

export type ServerInfo = Methods["initialize"]["result"];

export interface HandshakeOptions {
  /** Who is calling, for the sidecar's log. */
  client?: { name: string; version: string };
  /** How long the sidecar may take from its start to its first answer. */
  timeoutMs: number;
  /** The contract that the app was built for. */
  schemaHash?: string;
}

/** Introduces the two sides to each other. Rejects with `sidecar_mismatch` when they do not belong together. */
export async function handshake(
  connection: SidecarConnection,
  options: HandshakeOptions,
): Promise<ServerInfo> {
  const params: Methods["initialize"]["params"] = {
    protocolVersion: PROTOCOL_VERSION,
    ...(options.client === undefined ? {} : { client: options.client }),
  };
  const timeoutMs = options.timeoutMs;
  const info = await connection.call("initialize", params, { timeoutMs }).catch((error: unknown) => {
    if (!(error instanceof SidecarError)) throw error;
    if (error.kind === "invalid_params" || error.kind === "method_not_found") throw mismatch(error.message);
    throw error.kind === "timeout" ? silent(timeoutMs) : error;
  });
  if (!isServerInfo(info)) throw mismatch("The backend's introduction is not one that this app understands.");
  const expected = options.schemaHash ?? SCHEMA_HASH;
  if (info.schemaHash === expected) return info;
  const document = await connection.call("rpc.discover", undefined, { timeoutMs }).catch(() => undefined);
  throw mismatch(describeDifference(expected, info, methodNames(document)));
}

/** What differs, for the log and for whoever builds the app. `served` is absent when the sidecar did not say. */
export function describeDifference(
  expected: string,
  info: Pick<ServerInfo, "schemaHash" | "server">,
  served: readonly string[] | undefined,
  known: readonly string[] = METHOD_NAMES,
): string {
  const server = `${info.server.name} ${info.server.version}`;
  const [ours, theirs] = [expected.slice(0, 12), info.schemaHash.slice(0, 12)];
  const hashes = `The app was built for contract ${ours}, ${server} speaks ${theirs}.`;
  if (served === undefined) return hashes;
  const missing = known.filter((name) => !served.includes(name));
  const unknown = served.filter((name) => !known.includes(name));
  const parts = [hashes];
  if (missing.length > 0) parts.push(`The backend lacks: ${someOf(missing)}.`);
  if (unknown.length > 0) parts.push(`The app does not know: ${someOf(unknown)}.`);
  if (parts.length === 1) parts.push("The methods have the same names; what they take or give differs.");
  return parts.join(" ");
}

function someOf(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(", ");
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}

function mismatch(detail: string): SidecarError {
  const message =
    "This app and its backend are of different versions and cannot work together. Please install the app again.";
  return bridgeError("sidecar_mismatch", `${message} ${detail}`, { retryable: false, detail });
}

function silent(timeoutMs: number): SidecarError {
  const seconds = Math.round(timeoutMs / 100) / 10;
  const message = `The A-B/AI backend was started but gave no answer within ${seconds} seconds. Please restart the app.`;
  return contractError("timeout", message, { retryable: true });
}

function isServerInfo(value: unknown): value is ServerInfo {
  if (typeof value !== "object" || value === null) return false;
  const info = value as Partial<ServerInfo>;
  return typeof info.schemaHash === "string" && typeof info.server === "object" && info.server !== null;
}

/** The names in an OpenRPC document, older names of the same method included. */
function methodNames(document: unknown): string[] | undefined {
  const methods = (document as { methods?: unknown } | null | undefined)?.methods;
  if (!Array.isArray(methods)) return undefined;
  return methods.flatMap((method: { name?: unknown; "x-aliases"?: unknown }) => {
    const aliases = Array.isArray(method["x-aliases"]) ? method["x-aliases"] : [];
    return [method.name, ...aliases].filter((name): name is string => typeof name === "string");
  });
}
