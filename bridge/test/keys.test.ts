import assert from "node:assert/strict";

import { findSidecar } from "../src/command.js";
import { contractError } from "../src/errors.js";
import { exchanges } from "../src/exchange.js";
import { type KeyMove, moveKeys, type MoveKeysOptions } from "../src/keys.js";
import { mask } from "../src/mask.js";
import { clientFor, it, temporaryFolder } from "./helpers.js";
import { FIXTURES, PROJECT } from "./mocks.js";

const KEY = "sk-proj-0123456789-abcd";
const OTHER = "sk-ant-9876543210-wxyz";

/** An old store, a keychain behind a client, and what is called on it. */
function stage(
  old: Record<string, unknown>,
  saved: Record<string, string> = {},
  faults: { [method: string]: () => unknown } = {},
) {
  const calls: string[] = [];
  const call = (
    method: string,
    params: { key: string; provider: string; value?: string },
  ): Promise<unknown> => {
    calls.push(`${method} ${params.key} ${params.provider ?? ""}`.trim());
    const fault = faults[`${method} ${params.key}`];
    if (fault !== undefined) return Promise.resolve().then(fault);
    if (method === "settings:save") saved[params.provider] = params.value ?? "";
    if (method === "settings:load" && params.key === "apiKey") {
      const key = saved[params.provider];
      return Promise.resolve(key === undefined ? null : mask(key));
    }
    if (params.key === "allKeys") {
      return Promise.resolve(
        Object.fromEntries(Object.keys(saved).map((name) => [name, { configured: true }])),
      );
    }
    return Promise.resolve(null);
  };
  let mock = false;
  const client = { call, start: () => Promise.resolve({ mock }) } as unknown as MoveKeysOptions["client"];
  const move = (more: Partial<MoveKeysOptions> = {}): Promise<KeyMove[]> =>
    moveKeys({ read: (name) => old[name], remove: (name) => delete old[name], client, ...more });
  return { old, saved, calls, move, simulate: () => (mock = true) };
}

const outcomes = (moves: readonly KeyMove[]): string[] => moves.map(({ outcome }) => outcome);

it("keys are saved, read back and then removed from the old store", async () => {
  const { old, saved, calls, move } = stage({ openai: ` ${KEY}\n`, anthropic: OTHER, gemini: "" });
  assert.deepEqual(outcomes(await move()), ["moved", "moved", "absent", "absent"]);
  assert.deepEqual(saved, { openai: KEY, anthropic: OTHER });
  assert.deepEqual(old, { gemini: "" });
  assert.deepEqual(calls.slice(0, 4), [
    "settings:load apiKey openai",
    "settings:save apiKey openai",
    "settings:load apiKey openai",
    "settings:load allKeys",
  ]);
});

it("the second time there is nothing left to do", async () => {
  const { calls, move } = stage({ openai: KEY });
  await move();
  calls.length = 0;
  assert.deepEqual(outcomes(await move()), ["absent", "absent", "absent", "absent"]);
  assert.deepEqual(calls, []);
});

it("a failure leaves the key where it was, says why, and does not stop the others", async () => {
  const failures: { [method: string]: () => unknown }[] = [
    { "settings:save apiKey": () => Promise.reject(contractError("storage_error", `no room for ${KEY}`)) },
    { "settings:load allKeys": () => ({}) },
    { "settings:load allKeys": () => null },
  ];
  for (const faults of failures) {
    const { old, move } = stage({ openai: KEY, anthropic: OTHER }, {}, faults);
    const moves = await move();
    assert.deepEqual(outcomes(moves), ["kept", "kept", "absent", "absent"]);
    assert.deepEqual(old, { openai: KEY, anthropic: OTHER });
    assert.doesNotMatch(JSON.stringify(moves), /0123456789|9876543210/);
  }
});

it("a key that does not read back as it was saved stays in the old store", async () => {
  let reads = 0;
  const { old, move } = stage(
    { openai: KEY },
    {},
    { "settings:load apiKey": () => (reads++ === 0 ? null : "sk-…zzzz") },
  );
  const [first] = await move();
  assert.ok(first?.outcome === "kept" && /read back/.test(first.reason));
  assert.deepEqual(old, { openai: KEY });
});

it("a key that the person has saved since is not overwritten", async () => {
  const { saved, move } = stage({ openai: KEY }, { openai: OTHER });
  assert.deepEqual(outcomes(await move()), ["kept", "absent", "absent", "absent"]);
  assert.deepEqual(saved, { openai: OTHER });
});

it("a move that was interrupted before the removal is finished", async () => {
  const { old, move } = stage({ openai: KEY }, { openai: KEY });
  assert.deepEqual(outcomes(await move()), ["moved", "absent", "absent", "absent"]);
  assert.deepEqual(old, {});
});

it("an old store that throws loses nothing, and what it says is not repeated", async () => {
  const { saved, move } = stage({ openai: KEY });
  const moves = await move({
    remove: () => {
      throw new Error(`cannot delete ${KEY}`);
    },
  });
  assert.equal(moves[0]?.outcome, "kept");
  assert.deepEqual(saved, { openai: KEY });
  assert.doesNotMatch(JSON.stringify(moves), /0123456789/);
});

it("a key that cannot be told from another by its mask stays in the old store", async () => {
  const { old, saved, move } = stage({ openai: "short" });
  const [first] = await move();
  assert.ok(first?.outcome === "kept" && /too short/.test(first.reason));
  assert.deepEqual([old, saved], [{ openai: "short" }, {}]);
});

it("a real sidecar has the moved keys after its next start too", async (t) => {
  const found = findSidecar({ projectDir: PROJECT, dataDir: temporaryFolder(t) });
  // Not into the keychain of the person who runs the tests.
  const command = {
    ...found,
    env: { ...found.env, ABAI_KEY_STORE: "file", OPENAI_API_KEY: "", ANTHROPIC_API_KEY: "" },
  };
  const old: Record<string, string> = { openai: KEY, anthropic: OTHER };
  const client = clientFor(t, command);
  const moves = await moveKeys({ read: (name) => old[name], remove: (name) => delete old[name], client });
  assert.deepEqual([outcomes(moves).slice(0, 2), old], [["moved", "moved"], {}]);
  await client.stop();
  await client.start();
  assert.equal(await client.call("settings:load", { key: "apiKey", provider: "openai" }), "sk-…abcd");
  assert.equal(await client.call("settings:load", { key: "apiKey", provider: "anthropic" }), "sk-…wxyz");
});

it("a simulated sidecar is given no keys, as it would lose them", async () => {
  const { old, saved, move, simulate } = stage({ openai: KEY });
  simulate();
  assert.deepEqual(outcomes(await move()), ["kept", "absent", "absent", "absent"]);
  assert.deepEqual([old, saved], [{ openai: KEY }, {}]);
});

it("a key is masked as the sidecar masks it", () => {
  const recording = FIXTURES.recordings.find(({ name }) => name === "settings.save");
  assert.ok(recording !== undefined);
  let key = "";
  let compared = 0;
  for (const { method, params, response } of exchanges(recording)) {
    if (params["key"] !== "apiKey" || !("result" in response)) continue;
    if (method === "settings:save") key = String(params["value"]);
    else {
      assert.equal(mask(key), response.result);
      compared += 1;
    }
  }
  assert.ok(compared > 0);
  assert.deepEqual(
    [mask("short"), mask("AIza5678901234567890abcdefgh"), mask("nodashes0000")],
    ["…", "AIza…efgh", "…0000"],
  );
});
