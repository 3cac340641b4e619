/** Gives the page its `window.api`, wherever it is opened: in Electron it is there, `?mock` makes one, else by HTTP. */

export async function boot(): Promise<"electron" | "mock" | "server"> {
  if ("api" in window) return "electron";
  if (!new URLSearchParams(location.search).has("mock")) {
    // The server makes it of the bridge's own preload.
    await import(/* @vite-ignore */ new URL("./preload.js", document.baseURI).href);
    return "server";
  }
  const { installMockApi } = await import("@abai/bridge/mock");
  installMockApi();
  return "mock";
}
