import assert from "node:assert/strict";

import { folderOpener } from "../src/folder.js";
import { it } from "./helpers.js";

it("the folder is opened, and a folder that cannot be is an error with a sentence", async () => {
  const opened: string[] = [];
  await folderOpener((path) => Promise.resolve((opened.push(path), "")), "/data")();
  assert.deepEqual(opened, ["/data"]);
  const failing = folderOpener(() => Promise.resolve("No application knows it"), "/data");
  await assert.rejects(failing(), { kind: "not_found", message: /could not be opened/ });
});
