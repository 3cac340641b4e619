import assert from "node:assert/strict";
import { join } from "node:path";

import { findSidecar, type Host } from "../src/command.js";
import { ReadyGate } from "../src/ready-gate.js";
import { describeDifference } from "../src/handshake.js";
import { LineRing } from "../src/lines.js";
import { AtWork } from "../src/at-work.js";
import { afterCrash, afterHang, hungTooOften, RESTART_POLICY } from "../src/restart.js";
import { stopPlan } from "../src/stop.js";
import { Listeners } from "../src/wait.js";
import { it } from "./helpers.js";

const host = (platform: NodeJS.Platform, ...files: string[]): Host => ({
  platform,
  exists: (path) => files.includes(path),
});

it("a packaged app runs the frozen sidecar in its resources", () => {
  const command = findSidecar({ resourcesPath: "res", dataDir: "data" }, host("win32"));
  assert.equal(command.program, join("res", "sidecar", "abai-sidecar.exe"));
  assert.deepEqual(command.args, ["serve", "--data-dir", "data"]);
  assert.equal(
    findSidecar({ resourcesPath: "res" }, host("linux")).program,
    join("res", "sidecar", "abai-sidecar"),
  );
});

it("a checkout runs its own Python, on Windows the one in Scripts", () => {
  const onLinux = join("repo", ".venv", "bin", "python");
  const onWindows = join("repo", ".venv", "Scripts", "python.exe");
  const command = findSidecar({ projectDir: "repo", mock: true }, host("linux", onLinux));
  assert.equal(command.program, onLinux);
  assert.deepEqual(command.args, ["-m", "sidecar", "serve", "--mock"]);
  assert.equal(command.cwd, "repo");
  assert.equal(findSidecar({ projectDir: "repo" }, host("win32", onWindows)).program, onWindows);
});

it("without an environment in the checkout the Python on the path is taken", () => {
  assert.equal(findSidecar({ projectDir: "repo" }, host("darwin")).program, "python3");
  assert.equal(findSidecar({ projectDir: "repo" }, host("win32")).program, "python");
});

it("a Python or a binary that was named wins", () => {
  assert.equal(
    findSidecar({ python: "py", projectDir: "repo", resourcesPath: "res" }, host("linux")).program,
    "py",
  );
  assert.equal(findSidecar({ binary: "bin", python: "py" }, host("linux")).program, "bin");
});

it("development with a resources folder that holds no sidecar falls back to the checkout", () => {
  const options = { resourcesPath: "res", projectDir: "repo" };
  assert.equal(findSidecar(options, host("linux")).program, "python3");
  const frozen = join("res", "sidecar", "abai-sidecar");
  assert.equal(findSidecar(options, host("linux", frozen)).program, frozen);
});

it("restarts wait longer each time and end with the fifth crash in three minutes", () => {
  const delays = [1, 2, 3, 4].map((n) => afterCrash(Array<number>(n).fill(0), 0, RESTART_POLICY));
  assert.deepEqual(
    delays,
    [200, 600, 1_800, 5_400].map((delayMs) => ({ again: true, delayMs })),
  );
  assert.deepEqual(afterCrash([0, 1, 2, 3, 4], 4, RESTART_POLICY), { again: false });
});

it("crashes of more than three minutes ago are forgiven", () => {
  const now = 3 * 60_000 + 4;
  assert.deepEqual(afterCrash([0, 1, 2, 3, now], now, RESTART_POLICY), { again: true, delayMs: 200 });
  assert.deepEqual(afterCrash([5, 6, 7, 8, now], now, RESTART_POLICY), { again: false });
});

it("the third hang within an hour is the last, however long there was peace between two of them", () => {
  const minute = 60_000;
  assert.equal(afterHang([0], 0, RESTART_POLICY), true);
  assert.equal(afterHang([0, 20 * minute], 20 * minute, RESTART_POLICY), true);
  assert.equal(afterHang([0, 20 * minute, 59 * minute], 59 * minute, RESTART_POLICY), false);
  assert.equal(afterHang([0, 20 * minute, 61 * minute], 61 * minute, RESTART_POLICY), true);
});

it("who hung too often is told with what was at work", () => {
  const told = hungTooOften(RESTART_POLICY, ["batch job-1", "a question to lab/m"], "").message;
  assert.match(told, /3 times within 60 minutes.* batch job-1, a question to lab\/m\. .*cancel/);
  assert.match(hungTooOften(RESTART_POLICY, [], "").message, /Nothing that it was asked for was at work/);
});

it("what is at work is named: batches, questions by their models, other calls by their methods, each once", () => {
  const atWork = new AtWork();
  atWork.begin(["a", "b"]);
  const ended = atWork.called("chat:compare", { modelIds: ["lab/m", "openai/x"], content: "secret words" });
  atWork.called("data:check", { full: true });
  atWork.called("data:check", undefined);
  atWork.called("chat:send", { modelId: "m".repeat(500) });
  assert.deepEqual(atWork.named().slice(0, 3), ["batches a, b", "a question to lab/m, openai/x", "the call data:check"]);
  assert.ok(atWork.named().join().length < 200);
  ended();
  assert.ok(!atWork.named().join().includes("lab/m"));
  for (let call = 0; call < 20; call += 1) atWork.called(`method:${call}`, undefined);
  assert.match(atWork.named().join(), /, ?17 others$/);
});

it("SIGTERM is part of stopping everywhere but on Windows, where it would be a kill", () => {
  const signals = (platform: NodeJS.Platform): string[] =>
    stopPlan(platform).flatMap((step) => (step.act === "signal" ? [step.signal] : []));
  assert.deepEqual(signals("linux"), ["SIGTERM", "SIGKILL"]);
  assert.deepEqual(signals("win32"), ["SIGKILL"]);
  const acts = stopPlan("darwin").map(({ act }) => act);
  assert.deepEqual(acts.slice(0, 3), ["request shutdown", "notify exit", "end input"]);
});

it("the ring cuts text into lines wherever it was split, and keeps the last", () => {
  const seen: string[] = [];
  const ring = new LineRing(2, (line) => seen.push(line));
  for (const part of ["on", "e\r\ntwo\nthr", "ee\n", "four"]) ring.push(part);
  assert.deepEqual(seen, ["one", "two", "three"]);
  ring.finish();
  assert.deepEqual(ring.lines(), ["three", "four"]);
});

it("a line without an end does not grow without bound", () => {
  const ring = new LineRing(2);
  for (let n = 0; n < 100; n += 1) ring.push("x".repeat(1_000));
  ring.push("\n");
  assert.ok((ring.lines()[0]?.length ?? 0) <= 5_000);
});

it("a gate holds back, lets through, shuts again and says why it will not open", async () => {
  const gate = new ReadyGate<number>();
  const early = gate.pass();
  gate.open(1);
  assert.equal(await early, 1);
  gate.shut();
  const late = gate.pass();
  gate.fail(new Error("closed for good"));
  await assert.rejects(late, /closed for good/);
  await assert.rejects(gate.pass(), /closed for good/);
  gate.open(2);
  assert.equal(await gate.pass(new AbortController().signal), 2);
});

it("who waits at a gate can be called away", async () => {
  const gate = new ReadyGate<number>();
  const abort = new AbortController();
  const waiting = gate.pass(abort.signal);
  abort.abort(new Error("called away"));
  await assert.rejects(waiting, /called away/);
  await assert.rejects(gate.pass(abort.signal), /called away/);
});

it("a listener that throws does not keep the others from hearing", (t) => {
  const printed = t.mock.method(console, "error", () => undefined);
  const heard: number[] = [];
  const listeners = new Listeners<[number]>();
  listeners.add(() => {
    throw new Error("a bug");
  });
  const listener = (n: number): number => heard.push(n);
  const off = listeners.add(listener);
  listeners.add(listener);
  listeners.emit(1);
  off();
  listeners.emit(2);
  assert.deepEqual(heard, [1, 1, 2]);
  assert.equal(printed.mock.callCount(), 2);
});

it("a difference in nothing but shapes is said to be that", () => {
  const info = { schemaHash: "b".repeat(64), server: { name: "abai-sidecar", version: "1.2.3" } };
  const text = describeDifference("a".repeat(64), info, ["one"], ["one"]);
  assert.match(text, /contract aaaaaaaaaaaa, abai-sidecar 1\.2\.3 speaks bbbbbbbbbbbb/);
  assert.match(text, /same names/);
  assert.doesNotMatch(describeDifference("a", info, undefined, ["one"]), /same names|lacks/);
});
