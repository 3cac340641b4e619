import assert from "node:assert/strict";

import { exchanges } from "../src/exchange.js";
import { fill, mismatch, parseRecording } from "../src/replay.js";
import { it } from "./helpers.js";

const ID = "7b0e6a0e-6d3a-4f0e-9d0b-1f2c3d4e5f60";
const OTHER_ID = "00000000-6d3a-4f0e-9d0b-1f2c3d4e5f60";

const recorded = (...lines: unknown[]) =>
  parseRecording("test", lines.map((line) => JSON.stringify(line)).join("\n"));
const ask = (id: number, method: string, params?: unknown) => ({
  ">": { jsonrpc: "2.0", id, method, params },
});
const get = (id: number, result: unknown) => ({ "<": { jsonrpc: "2.0", id, result } });

it("a recording is read line by line, whatever the line ends", () => {
  const text = '{"meta": {"title": "A title."}}\r\n\r\n{">": {"id": 1}}\r\n{"<": [1]}\n';
  assert.deepEqual(parseRecording("name", text), {
    name: "name",
    title: "A title.",
    lines: [
      { direction: ">", message: { id: 1 } },
      { direction: "<", message: [1] },
    ],
  });
});

it("what is no recording is refused with its line", () => {
  assert.throws(() => parseRecording("name", '{"meta": {}}\n{"?": 1}'), /name, line 2: neither/);
  assert.throws(() => parseRecording("name", "{"), /name, line 1:/);
  assert.throws(() => parseRecording("name", "[1]"), /name, line 1: not an object/);
});

it("placeholders take what they stand for and nothing else", () => {
  const cases: [pattern: string, fits: unknown[], not: unknown[]][] = [
    ["<time>", [1_700_000_000_000], ["1", 1.5, null]],
    ["<int>", [0, -3], [0.5, "0", 2 ** 60]],
    ["<number>", [0, 0.5], ["0.5", null]],
    ["<text>", ["", "x"], [1, null]],
    ["<any>", [1, null, {}, "x"], []],
    ["<uuid:a>", [ID], ["x", 1, null]],
    ["plain", ["plain"], ["other", null]],
    ["<other>", ["<other>"], ["x"]],
  ];
  for (const [pattern, fits, not] of cases) {
    for (const value of fits)
      assert.equal(mismatch(pattern, value, new Map()), undefined, `${pattern} ${String(value)}`);
    for (const value of not)
      assert.notEqual(mismatch(pattern, value, new Map()), undefined, `${pattern} ${String(value)}`);
  }
});

it("an id binds at its first place and must be the same at the others", () => {
  assert.equal(mismatch(["<uuid:a>", "<uuid:b>", "<uuid:a>"], [ID, OTHER_ID, ID], new Map()), undefined);
  assert.match(
    mismatch(["<uuid:a>", "<uuid:a>"], [ID, OTHER_ID], new Map()) ?? "",
    /\$\[1\]: expected the id a/,
  );
  const bindings = new Map([["a", ID]]);
  assert.notEqual(mismatch("<uuid:a>", OTHER_ID, bindings), undefined);
});

it("differences are named by their place", () => {
  const differences = [
    [{ a: 1 }, { a: 2 }, /\$\.a: expected 1, got 2/],
    [{ a: 1 }, {}, /\$\.a: missing/],
    [{}, { a: 1 }, /\$\.a: not expected/],
    [{ a: [1] }, { a: [1, 2] }, /\$\.a: expected 1 items, got 2/],
    [[1], {}, /\$: expected an array/],
    [{}, [], /\$: expected an object/],
    [null, undefined, /\$: expected null, got nothing/],
  ] as const;
  for (const [pattern, value, expected] of differences)
    assert.match(mismatch(pattern, value, new Map()) ?? "", expected);
});

it("further members are allowed where the recording says so", () => {
  assert.equal(mismatch({ a: 1, "...": true }, { a: 1, b: 2 }, new Map()), undefined);
  assert.notEqual(mismatch({ a: 1, "...": true }, { b: 2 }, new Map()), undefined);
});

it("filling keeps bound ids, makes new ones once, and gives values that fit", () => {
  const pattern = {
    a: "<uuid:a>",
    b: ["<uuid:b>", "<uuid:b>"],
    t: "<time>",
    n: "<number>",
    i: "<int>",
    s: "<text>",
    "...": true,
  };
  const bindings = new Map([["a", ID]]);
  const filled = fill(pattern, bindings, { uuid: () => OTHER_ID, now: () => 1_700_000_000_000 });
  assert.deepEqual(filled, {
    a: ID,
    b: [OTHER_ID, OTHER_ID],
    t: 1_700_000_000_000,
    n: 1,
    i: 1,
    s: "Some text.",
  });
  assert.equal(mismatch(pattern, filled, new Map()), undefined);
});

it("an exchange has its own progress, other notifications before its answer, and nothing of its neighbours", () => {
  const progress = (token: string, text: string) => ({
    "<": { method: "$/progress", params: { token, value: { text } } },
  });
  const [first, second] = exchanges(
    recorded(
      ask(1, "chat:send", { content: "a", partialResultToken: "A" }),
      ask(2, "chat:send", [{ content: "b", partialResultToken: "B" }]),
      progress("B", "b1"),
      progress("A", "a1"),
      { "<": { method: "settings:invalidKey", params: { provider: "openai" } } },
      get(2, "B"),
      progress("A", "a2"),
      get(1, "A"),
    ),
  );
  const key = { notification: "settings:invalidKey", params: { provider: "openai" } };
  assert.deepEqual(first?.events, [{ progress: { text: "a1" } }, key, { progress: { text: "a2" } }]);
  assert.deepEqual(second?.events, [{ progress: { text: "b1" } }, key]);
  assert.deepEqual(second?.params, { content: "b" });
  assert.deepEqual(first?.response, { result: "A" });
});

it("notifications, batches and requests without an answer are no exchanges", () => {
  const found = exchanges(
    recorded(
      { ">": { method: "exit" } },
      { ">": [{ id: 1, method: "a:b" }] },
      ask(2, "a:b"),
      ask(3, "a:c"),
      get(3, 1),
    ),
  );
  assert.deepEqual(
    found.map(({ method }) => method),
    ["a:c"],
  );
});

it("ids that an answer brings in are told from those that were there before", () => {
  const [create, list] = exchanges(
    recorded(
      ask(1, "a:create"),
      get(1, "<uuid:1>"),
      ask(2, "a:list", { p: "<uuid:3>" }),
      get(2, ["<uuid:1>", "<uuid:2>", "<uuid:3>"]),
    ),
  );
  assert.deepEqual([...(create?.newIds ?? [])], ["1"]);
  assert.deepEqual([...(list?.newIds ?? [])], ["2"]);
});
