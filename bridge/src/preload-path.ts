import { join } from "node:path";

/** The preload script, for `webPreferences.preload`. A bundler that moves files copies it from here. */
export const PRELOAD_PATH = join(__dirname, "preload.js");
