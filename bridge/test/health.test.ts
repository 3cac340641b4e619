import assert from "node:assert/strict";

import { contractError } from "../src/errors.js";
import { type HealthPolicy, watchHealth } from "../src/health.js";
import { Deferred } from "../src/wait.js";
import { it } from "./helpers.js";

const POLICY: HealthPolicy = { everyMs: 1, deadlineMs: 7, misses: 2 };

/** Answers as the script says; its last word is repeated. */
function asked(script: readonly ("ok" | "late" | "refused")[]) {
  let calls = 0;
  const end = new Deferred<void>();
  const call = (method: string, _params: unknown, options?: { timeoutMs?: number }): Promise<unknown> => {
    assert.equal(method, "system:health");
    assert.equal(options?.timeoutMs, POLICY.deadlineMs);
    const word = script[Math.min(calls, script.length - 1)];
    calls += 1;
    if (calls > script.length) end.resolve();
    if (word === "late") return Promise.reject(contractError("timeout", "late"));
    return word === "ok" ? Promise.resolve({}) : Promise.reject(contractError("shutting_down", "no"));
  };
  return { connection: { call }, ended: end.promise, calls: () => calls };
}

it("one missed answer is forgiven, as after a sleep of the computer", async () => {
  const { connection, ended } = asked(["late", "ok", "late", "ok"]);
  assert.equal(await watchHealth(connection, POLICY, ended), false);
});

it("two missed in a row are a sidecar that hangs", async () => {
  const { connection, calls } = asked(["ok", "late", "late"]);
  assert.equal(await watchHealth(connection, POLICY, new Promise(() => undefined)), true);
  assert.equal(calls(), 3);
});

it("an error is an answer too", async () => {
  const { connection, ended } = asked(["refused", "refused", "refused"]);
  assert.equal(await watchHealth(connection, POLICY, ended), false);
});

it("nobody is asked when that is not wanted, or when it has ended", async () => {
  const { connection, calls } = asked(["late"]);
  assert.equal(await watchHealth(connection, { ...POLICY, everyMs: 0 }, new Promise(() => undefined)), false);
  assert.equal(await watchHealth(connection, { ...POLICY, everyMs: 3_600_000 }, Promise.resolve()), false);
  assert.equal(calls(), 0);
});
