export { attach, call, CallError, on, stream } from "@abai/bridge/renderer";

export function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
