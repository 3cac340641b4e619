// Node 20 takes no pattern for test files, and not every shell expands one; so they are listed here.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const dir = join(dirname(dirname(fileURLToPath(import.meta.url))), "out", "test");
const files = readdirSync(dir)
    .filter((name) => name.endsWith(".test.js"))
    .map((name) => join(dir, name));
const { status } = spawnSync(process.execPath, ["--test", ...process.argv.slice(2), ...files], {
    stdio: "inherit",
});
process.exitCode = status ?? 1;
