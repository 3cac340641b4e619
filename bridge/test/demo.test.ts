import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { findSidecar } from "../src/command.js";
import { it } from "./helpers.js";
import { PROJECT } from "./mocks.js";

it("the demo asks, restarts, survives a kill, and comes to its end", async () => {
  const { program } = findSidecar({ projectDir: PROJECT });
  const demo = join(__dirname, "..", "demo", "demo.js");
  const { stdout } = await promisify(execFile)(process.execPath, [demo, "--python", program]);
  assert.match(stdout, /The conversation is still there[^]*Killed the sidecar[^]*All 200 rows are there[^]*All 20 rows came back/);
});
