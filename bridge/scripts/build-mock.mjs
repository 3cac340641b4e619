// Puts what the mock is made from beside it, as modules that a browser can import: recordings and contract.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const bridge = dirname(dirname(fileURLToPath(import.meta.url)));
const project = dirname(bridge);
const replayDir = join(project, "tests", "replay");
const out = join(bridge, "out", "mock");

mkdirSync(out, { recursive: true });
// The rest of the package is CommonJS; a browser takes modules.
writeFileSync(join(out, "package.json"), '{ "type": "module" }\n');
const { parseRecording } = await import(pathToFileURL(join(out, "replay.js")).href);
const recordings = readdirSync(replayDir)
    .filter((name) => name.endsWith(".jsonl"))
    .sort()
    .map((name) => parseRecording(basename(name, ".jsonl"), readFileSync(join(replayDir, name), "utf8")));
const document = JSON.parse(readFileSync(join(project, "sidecar", "contract", "openrpc.json"), "utf8"));
const contract = {
    methods: document.methods.map((method) => ({
        name: method.name,
        "x-aliases": method["x-aliases"],
        examples: method.examples,
    })),
    components: { errors: document.components.errors },
};

const source = JSON.stringify({ recordings, contract });
writeFileSync(join(out, "fixtures.json"), source);
writeFileSync(join(out, "fixtures.js"), `export const FIXTURES = ${source};\n`);
writeFileSync(
    join(out, "fixtures.d.ts"),
    'import type { MockFixtures } from "./mock/mock.js";\nexport declare const FIXTURES: MockFixtures;\n',
);
const shared = 'export * from "./mock/mock.js";\nexport { FIXTURES } from "./fixtures.js";\n';
writeFileSync(
    join(out, "index.js"),
    `${shared}import { FIXTURES } from "./fixtures.js";
import { installMockApi as install } from "./mock/mock.js";
export const installMockApi = (options, target) => install(FIXTURES, options, target);
`,
);
writeFileSync(
    join(out, "index.d.ts"),
    `${shared}import type { MockApi, MockOptions } from "./mock/mock.js";
export declare function installMockApi(options?: MockOptions, target?: object): MockApi;
`,
);
// The same for who still uses require.
const commonJs = join(bridge, "out", "src", "mock");
writeFileSync(
    join(commonJs, "index.js"),
    `const mock = require("./mock.js");
const FIXTURES = require("../../mock/fixtures.json");
module.exports = {
    ...mock,
    FIXTURES,
    installMockApi: (options, target) => mock.installMockApi(FIXTURES, options, target),
};
`,
);
writeFileSync(
    join(commonJs, "index.d.ts"),
    `export * from "./mock.js";
import type { MockApi, MockFixtures, MockOptions } from "./mock.js";
export declare const FIXTURES: MockFixtures;
export declare function installMockApi(options?: MockOptions, target?: object): MockApi;
`,
);
console.log(`out/mock: ${recordings.length} recordings`);
