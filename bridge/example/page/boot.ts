/** Gives the page its `window.api`, wherever it is opened: in Electron it is there, `?mock` makes one, else by HTTP. */
import type { MockOptions } from "../../src/mock/mock.js";

export async function boot(): Promise<"electron" | "mock" | "server"> {
  if ("api" in window) return "electron";
  const asked = new URLSearchParams(location.search);
  // Paths in variables, because these modules are made by other builds.
  const [mock, preload] = ["./mock/index.js", "./preload.js"];
  if (!asked.has("mock")) {
    await import(preload);
    return "server";
  }
  const { installMockApi } = (await import(mock)) as { installMockApi: (options?: MockOptions) => unknown };
  installMockApi();
  return "mock";
}
