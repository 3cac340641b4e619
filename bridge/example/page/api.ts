/** The page's side of the bridge, as an app has it from `@abai/bridge/renderer`. */
export { call, on, stream } from "../../src/renderer.js";

export function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
