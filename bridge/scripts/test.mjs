// Node 20 takes no pattern for test files, and not every shell expands one; so they are listed here.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const dir = join(dirname(dirname(fileURLToPath(import.meta.url))), "out", "test");
// These start processes over and over, or a browser; `npm run test:fast` leaves them out.
const SLOW = /^(browser|client|demo|example|pattern|quit|supervision|window)\b/;
const fast = process.argv.includes("--fast");
const files = readdirSync(dir, { recursive: true })
    .filter((name) => name.endsWith(".test.js") && !(fast && SLOW.test(name)))
    .map((name) => join(dir, name));
// Most of a test's time is waiting for another process, so that more files at once than there are cores take less time.
// The oldest Node that is supported runs as many as it thinks.
const [major, minor] = process.versions.node.split(".").map(Number);
const atOnce = major > 20 || minor >= 10 ? ["--test-concurrency=4"] : [];
const options = process.argv.slice(2).filter((option) => option !== "--fast");
const { status } = spawnSync(process.execPath, ["--test", ...atOnce, ...options, ...files], { stdio: "inherit" });
// A test that was skipped is easily overlooked among hundreds.
const { CHROMIUM, HOW_TO_INSTALL } = createRequire(import.meta.url)(join(dir, "browser", "chromium.js"));
if (CHROMIUM === undefined && !fast) console.error(`\n${HOW_TO_INSTALL}`);
process.exitCode = status ?? 1;
