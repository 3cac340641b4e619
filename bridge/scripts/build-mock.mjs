// Puts the recordings beside the compiled mock, as modules that a browser page can import.
import { mkdirSync, readdirSync, readFileSync, existsSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const bridge = dirname(dirname(fileURLToPath(import.meta.url)));
const replayDir = join(dirname(bridge), "tests", "replay");
const out = join(bridge, "out", "mock");

mkdirSync(out, { recursive: true });
// The rest of the package is CommonJS; a browser takes modules.
writeFileSync(join(out, "package.json"), '{ "type": "module" }\n');
const { parseRecording } = await import(pathToFileURL(join(out, "replay.js")).href);
const files = existsSync(replayDir)
    ? readdirSync(replayDir)
          .filter((name) => name.endsWith(".jsonl"))
          .sort()
    : [];
const recordings = files.map((name) =>
    parseRecording(basename(name, ".jsonl"), readFileSync(join(replayDir, name), "utf8")),
);
writeFileSync(join(out, "recordings.js"), `export const RECORDINGS = ${JSON.stringify(recordings)};\n`);
writeFileSync(
    join(out, "recordings.d.ts"),
    'import type { Recording } from "./replay.js";\nexport declare const RECORDINGS: readonly Recording[];\n',
);
writeFileSync(
    join(out, "index.js"),
    'export * from "./mock.js";\nexport { parseRecording } from "./replay.js";\nexport { RECORDINGS } from "./recordings.js";\n',
);
writeFileSync(
    join(out, "index.d.ts"),
    'export * from "./mock.js";\nexport { parseRecording, type Recording } from "./replay.js";\nexport { RECORDINGS } from "./recordings.js";\n',
);
console.log(`out/mock: ${recordings.length} recordings`);
