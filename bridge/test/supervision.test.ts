import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { SidecarError } from "../src/errors.js";
import { Deferred } from "../src/wait.js";
import { clientFor, fake, it, reaches, recordStates, temporaryFolder } from "./helpers.js";

const CRASHING = { content: "crash", modelId: "m" };

it("a call under way in a crash fails as retryable, with the last words in its data", async (t) => {
  const client = clientFor(t, fake());
  await client.start();
  const seen: unknown[] = [];
  await assert.rejects(
    client.call("chat:send", CRASHING, { onProgress: (value) => seen.push(value) }),
    (error) => {
      assert.ok(error instanceof SidecarError);
      assert.equal(error.kind, "sidecar_crashed");
      assert.equal(error.code, -32090);
      assert.equal(error.retryable, true);
      assert.match(error.message, /try again/);
      assert.match(error.data.detail ?? "", /exit code 7[^]*about to die/);
      return true;
    },
  );
  assert.deepEqual(seen, [{ type: "text", text: "half an ans" }]);
});

it("an answer that was written before the crash is delivered", async (t) => {
  const client = clientFor(t, fake());
  await client.start();
  const restarting = reaches(client, "restarting");
  const reply = await client.call("chat:send", { content: "answer and crash", modelId: "m" });
  assert.equal(reply.answer, "ANSWER AND CRASH");
  await restarting;
  assert.equal(await client.call("tokens:count", { text: "alive" }), 5);
});

it("a crash in the middle of a frame is a crash", async (t) => {
  const client = clientFor(t, fake());
  await client.start();
  const call = client.call("chat:send", { content: "break off", modelId: "m" });
  await assert.rejects(call, { kind: "sidecar_crashed" });
  assert.equal(await client.call("tokens:count", { text: "alive" }), 5);
});

it("a call under way in a crash is not sent again", async (t) => {
  const state = join(temporaryFolder(t), "runs");
  const client = clientFor(t, fake("--state", state));
  await client.start();
  await assert.rejects(client.call("chat:send", CRASHING), { kind: "sidecar_crashed" });
  assert.equal(await client.call("tokens:count", { text: "alive" }), 5);
  assert.equal(readFileSync(state, "utf8"), "..");
});

it("calls made during a restart wait and are answered by the next sidecar", async (t) => {
  const client = clientFor(t, fake());
  await client.start();
  const states = recordStates(client);
  const waiting: Promise<number>[] = [];
  client.onState((state) => {
    if (state === "restarting") waiting.push(client.call("tokens:count", { text: "waited" }));
  });
  // The retry of a caller who has just been told of the crash waits too.
  await assert.rejects(client.call("chat:send", CRASHING), { kind: "sidecar_crashed" });
  assert.equal(await client.call("tokens:count", { text: "retry" }), 5);
  assert.deepEqual(await Promise.all(waiting), [6]);
  assert.deepEqual(states, ["restarting", "ready"]);
});

it("after five crashes it gives up, says so, and refuses what waits and what comes", async (t) => {
  const state = join(temporaryFolder(t), "runs");
  const client = clientFor(t, fake("--mode", "crash", "--state", state));
  const waiting = client.call("tokens:count", { text: "x" });
  const refused = {
    kind: "sidecar_unavailable",
    code: -32091,
    retryable: false,
    message: /stopped 5 times within 3 minutes/,
  };
  await Promise.all([assert.rejects(client.start(), refused), assert.rejects(waiting, refused)]);
  assert.equal(client.state, "failed");
  assert.equal(readFileSync(state, "utf8").length, 5);
  await assert.rejects(client.call("tokens:count", { text: "x" }), (error: unknown) => {
    assert.match((error as SidecarError).data.detail ?? "", /exit code 3[^]*cannot go on/);
    return true;
  });
});

it("fewer crashes than the limit are got over", async (t) => {
  const state = join(temporaryFolder(t), "runs");
  const client = clientFor(t, fake("--mode", "crash", "--first-runs", "4", "--state", state));
  await client.start();
  assert.equal(await client.call("tokens:count", { text: "alive" }), 5);
  assert.equal(readFileSync(state, "utf8").length, 5);
});

it("a client that gave up can be started again", async (t) => {
  const state = join(temporaryFolder(t), "runs");
  const client = clientFor(t, fake("--mode", "crash", "--first-runs", "5", "--state", state));
  await assert.rejects(client.start());
  await client.start();
  assert.equal(await client.call("tokens:count", { text: "alive" }), 5);
});

it("a sidecar that never answers the handshake is ended, and the error says what happened", async (t) => {
  const client = clientFor(t, fake("--mode", "mute"), {
    startTimeoutMs: 50,
    restart: { limit: 2, firstDelayMs: 1 },
  });
  await assert.rejects(client.start(), { kind: "timeout", message: /was started but gave no answer/ });
  assert.equal(client.state, "failed");
});

const IMPATIENT = { everyMs: 5, deadlineMs: 500, misses: 2 };

it("a sidecar that answers no more is ended and started again, and what was under way fails as retryable", async (t) => {
  const state = join(temporaryFolder(t), "runs");
  const client = clientFor(t, fake("--state", state), { health: IMPATIENT });
  await client.start();
  const restarting = reaches(client, "restarting");
  const underWay = client.call("chat:send", { content: "never", modelId: "m" });
  const lost = assert.rejects(underWay, { kind: "sidecar_crashed", retryable: true });
  await client.call("chat:send", { content: "freeze", modelId: "m" });
  assert.match((await restarting)?.data.detail ?? "", /no longer answered: 2 times not within 500 ms/);
  await lost;
  assert.equal(await client.call("tokens:count", { text: "alive" }), 5);
  assert.equal(readFileSync(state, "utf8"), "..");
});

it("a sidecar that hangs again and again is given up like one that crashes", async (t) => {
  const client = clientFor(t, fake(), { health: IMPATIENT, restart: { limit: 2, firstDelayMs: 1 } });
  await client.start();
  for (const end of ["ready", "failed"] as const) {
    const ended = reaches(client, end);
    await client.call("chat:send", { content: "freeze", modelId: "m" });
    await ended;
  }
  await assert.rejects(client.call("tokens:count", { text: "x" }), { kind: "sidecar_unavailable" });
});

it("hangs are counted apart from crashes, and the sentence names the batch that was at work", async (t) => {
  const client = clientFor(t, fake(), { health: IMPATIENT, restart: { hangLimit: 2, firstDelayMs: 1 } });
  await client.start();
  const restarting = reaches(client, "restarting");
  await client.call("chat:send", { content: "freeze", modelId: "m" });
  assert.match((await restarting)?.data.detail ?? "", /no longer answered.*; at work: batch job-1/);
  const failed = reaches(client, "failed");
  await client.call("chat:send", { content: "freeze", modelId: "m" });
  assert.match((await failed)?.message ?? "", /stopped answering 2 times.*not started again.*batch job-1/);
});

it("what the sidecar says is wrong is there at once for whoever asks, and soon unasked", async (t) => {
  const client = clientFor(t, fake(), { health: { everyMs: 20, deadlineMs: 10_000, misses: 2 } });
  await client.start();
  const told: (string | undefined)[] = [];
  const heard = [new Deferred<void>(), new Deferred<void>()];
  client.onProblem((problem) => {
    told.push(problem);
    heard[told.length - 1]?.resolve();
  });
  assert.equal(client.problem, undefined);
  await client.call("chat:send", { content: "move away", modelId: "m" });
  await heard[0]?.promise;
  assert.equal(client.problem, "The data folder was moved.");
  await client.call("chat:send", { content: "put back", modelId: "m" });
  await heard[1]?.promise;
  assert.deepEqual(told, ["The data folder was moved.", undefined]);

  const patient = clientFor(t, fake(), { health: { everyMs: 3_600_000 } });
  await patient.start();
  await patient.call("chat:send", { content: "move away", modelId: "m" });
  await patient.call("system:health");
  assert.equal(patient.problem, "The data folder was moved.");
});

it("a hang while a chat was at work names the model that was asked", async (t) => {
  const client = clientFor(t, fake(), { health: IMPATIENT, restart: { hangLimit: 1, firstDelayMs: 1 } });
  await client.start();
  const failed = reaches(client, "failed");
  const asked = client.call("chat:send", { content: "never", modelId: "lab/slow" });
  const lost = assert.rejects(asked, { kind: "sidecar_crashed", message: /./ });
  await client.call("chat:send", { content: "freeze", modelId: "m" });
  const message = (await failed)?.message ?? "";
  assert.match(message, /At work: batch job-1, a question to lab\/slow\./);
  assert.doesNotMatch(message, /never/);
  await lost;
});

it("what is no frame ends the run and counts as a crash", async (t) => {
  const state = join(temporaryFolder(t), "runs");
  const client = clientFor(t, fake("--mode", "garbage", "--first-runs", "1", "--state", state));
  const restarting = reaches(client, "restarting");
  await client.start();
  assert.match((await restarting)?.data.detail ?? "", /was not the protocol/);
});

it("a missing program is named and is not tried again", async (t) => {
  const program = join(temporaryFolder(t), "abai-sidecar");
  const client = clientFor(t, { program, args: ["serve"] });
  const states = recordStates(client);
  const waiting = client.call("tokens:count", { text: "x" });
  const refused = { kind: "sidecar_unavailable", message: /abai-sidecar is missing or cannot be run/ };
  await Promise.all([assert.rejects(client.start(), refused), assert.rejects(waiting, refused)]);
  assert.deepEqual(states, ["starting", "failed"]);
});

it("a program inside an asar, where nothing can be run, is told as one that is missing", async (t) => {
  const asar = join(temporaryFolder(t), "app.asar");
  writeFileSync(asar, "one file, whatever the path to it looks like");
  const client = clientFor(t, { program: join(asar, "sidecar", "abai-sidecar"), args: ["serve"] });
  const waiting = client.call("tokens:count", { text: "x" });
  const refused = { kind: "sidecar_unavailable", message: /abai-sidecar is missing or cannot be run/ };
  await Promise.all([assert.rejects(client.start(), refused), assert.rejects(waiting, refused)]);
  assert.equal(client.state, "failed");
});

it("a sidecar of another contract is refused with a readable difference", async (t) => {
  const client = clientFor(t, fake("--mode", "old"));
  const states = recordStates(client);
  await assert.rejects(client.start(), (error: unknown) => {
    assert.ok(error instanceof SidecarError);
    assert.equal(error.kind, "sidecar_mismatch");
    assert.equal(error.code, -32092);
    assert.match(error.message, /fake 0 speaks 0123456789ab/);
    assert.match(error.message, /The backend lacks: rpc\.discover, .* and \d+ more\./);
    assert.match(error.message, /The app does not know: chat:shout\./);
    return true;
  });
  assert.deepEqual(states, ["starting", "failed"]);
});

it("a sidecar without a protocol version in common is refused", async (t) => {
  const client = clientFor(t, fake("--mode", "refuse"));
  await assert.rejects(client.start(), {
    kind: "sidecar_mismatch",
    message: /Served protocol versions: 9\.0/,
  });
});

it("stopping asks first, then says exit, and the process ends by itself", async (t) => {
  const client = clientFor(t, fake());
  await client.start();
  await client.stop();
  assert.equal(client.state, "stopped");
  const words = client.stderrTail();
  assert.equal(words[0], "shutdown");
  assert.ok(words.includes("exit"));
});

it("a sidecar that does not stop is ended by signals", async (t) => {
  const client = clientFor(t, fake("--mode", "stubborn"), {
    stopTimes: { answerMs: 10_000, finishMs: 30, terminateMs: 1_500 },
  });
  await client.start();
  await client.stop();
  assert.equal(client.state, "stopped");
  const expected = ["shutdown", "exit", "end of input", ...(process.platform === "win32" ? [] : ["not now"])];
  assert.deepEqual(client.stderrTail().sort(), expected.sort());
});

it("stopping fails what is still under way and what comes later as shutting down, without a restart", async (t) => {
  const client = clientFor(t, fake());
  await client.start();
  const states = recordStates(client);
  const begun = new Promise<void>((resolve) => {
    const call = client.call("chat:send", { content: "hang", modelId: "m" }, { onProgress: () => resolve() });
    t.after(() => assert.rejects(call, { kind: "shutting_down" }));
  });
  await begun;
  await client.stop();
  await assert.rejects(client.call("tokens:count", { text: "x" }), { kind: "shutting_down", code: -32050 });
  assert.deepEqual(states, ["stopping", "stopped"]);
});

it("stopping while it starts or waits to restart ends both", async (t) => {
  const starting = clientFor(t, fake("--mode", "mute"));
  const started = starting.start();
  await Promise.all([starting.stop(), assert.rejects(started, { kind: "shutting_down" })]);

  const restarting = clientFor(t, fake("--mode", "crash"), { restart: { firstDelayMs: 3_600_000 } });
  const inDelay = reaches(restarting, "restarting");
  const neverReady = assert.rejects(restarting.start(), { kind: "shutting_down" });
  await inDelay;
  await restarting.stop();
  await neverReady;
  assert.equal(restarting.state, "stopped");
});

it("the log holds what the sidecar said on stderr and how it came and went", async (t) => {
  const folder = temporaryFolder(t);
  const client = clientFor(t, fake(), { log: { folder } });
  await client.start();
  await assert.rejects(client.call("chat:send", CRASHING));
  await client.call("tokens:count", { text: "alive" });
  await client.stop();
  const lines = readFileSync(join(folder, "sidecar.log"), "utf8").split("\n");
  const states = lines.flatMap((line) => /^\[bridge\] \S+ (.*)$/.exec(line)?.[1] ?? []);
  assert.deepEqual(states, ["starting", "ready", "restarting: exit code 7", "ready", "stopping", "stopped"]);
  assert.ok(lines.indexOf("about to die") < lines.indexOf("shutdown"));
});

it("a stopped client can be started again", async (t) => {
  const client = clientFor(t, fake());
  await client.start();
  await client.stop();
  await client.start();
  assert.equal(await client.call("tokens:count", { text: "again" }), 5);
});
