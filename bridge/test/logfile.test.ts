import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { LogFile } from "../src/logfile.js";
import { it, temporaryFolder } from "./helpers.js";

const read = (folder: string): string =>
  readdirSync(folder)
    .sort()
    .reverse()
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("");

it("lines are kept in order, also those of the run before", async (t) => {
  const folder = join(temporaryFolder(t), "logs", "below");
  for (const words of [["one", "two"], ["three"]]) {
    const log = new LogFile({ folder });
    words.forEach((word) => log.add(word));
    await log.flush();
  }
  assert.equal(readFileSync(join(folder, "sidecar.log"), "utf8"), "one\ntwo\nthree\n");
});

it("the files stay few and small, and hold the newest lines", async (t) => {
  const folder = temporaryFolder(t);
  const log = new LogFile({ folder, maxBytes: 1_000, files: 3 });
  for (let n = 0; n < 500; n += 1) {
    log.add(`line number ${n}`);
    if (n % 7 === 0) await log.flush();
  }
  await log.flush();
  assert.deepEqual(readdirSync(folder).sort(), ["sidecar.1.log", "sidecar.2.log", "sidecar.log"]);
  for (const name of readdirSync(folder)) assert.ok(statSync(join(folder, name)).size <= 1_000, name);
  const kept = readFileSync(join(folder, "sidecar.2.log"), "utf8");
  const all = kept + readFileSync(join(folder, "sidecar.1.log"), "utf8") + readFileSync(log.path, "utf8");
  const numbers = all
    .trim()
    .split("\n")
    .map((line) => Number(line.split(" ").at(-1)));
  const first = numbers[0] ?? 0;
  assert.deepEqual(
    numbers,
    Array.from({ length: 500 - first }, (_, index) => first + index),
  );
});

it("a flood of lines at once is cut into files too", async (t) => {
  const folder = temporaryFolder(t);
  const log = new LogFile({ folder, maxBytes: 2_000, files: 2 });
  for (let n = 0; n < 1_000; n += 1) log.add(`line number ${n}`);
  await log.flush();
  for (const name of readdirSync(folder)) assert.ok(statSync(join(folder, name)).size <= 2_000, name);
  assert.match(read(folder), /line number 999\n/);
});

it("more than can be written in time is counted and left out, so that memory stays bounded", async (t) => {
  const folder = temporaryFolder(t);
  const log = new LogFile({ folder });
  for (let n = 0; n < 1_200; n += 1) log.add("x".repeat(1_000));
  await log.flush();
  assert.match(read(folder), /\(\d+ lines came faster than they could be written\)/);
});

it("a folder that cannot be made is told once and harms nobody", async (t) => {
  const file = join(temporaryFolder(t), "file");
  writeFileSync(file, "");
  const told: unknown[] = [];
  const log = new LogFile({ folder: join(file, "logs"), onError: (error) => told.push(error) });
  for (const line of ["one", "two"]) {
    log.add(line);
    await log.flush();
  }
  assert.equal(told.length, 1);
});
