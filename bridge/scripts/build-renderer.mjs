// The rest of the package is CommonJS; a browser and a bundler take modules.
import { writeFileSync } from "node:fs";

writeFileSync(new URL("../out/renderer/package.json", import.meta.url), '{ "type": "module" }\n');
