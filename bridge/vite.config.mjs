/** Builds the example's page, and the page that asks as the existing renderer does, into out/page. */
import { defineConfig } from "vite";

export default defineConfig({
  // Paths within the pages are relative, so that they can be served from anywhere.
  base: "./",
  build: {
    outDir: "out/page",
    target: "es2022",
    modulePreload: { polyfill: false },
    // The recordings that the mock plays; nobody but a developer loads them.
    chunkSizeWarningLimit: 4_000,
    rollupOptions: {
      input: {
        index: "example/page/index.html",
        renderer: "test/browser/renderer.html",
        electron: "example/page/electron.ts",
      },
      // The preload's stand-in for Electron is asked for by its name.
      preserveEntrySignatures: "exports-only",
      output: {
        entryFileNames: ({ name }) => (name === "electron" ? "electron.js" : "assets/[name]-[hash].js"),
      },
    },
  },
});
