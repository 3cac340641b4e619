import assert from "node:assert/strict";

import { layOut, micros, redraw, showMicros, wrap } from "../demo/columns.js";
import { it } from "./helpers.js";

it("text is cut between words, and inside one that is too long", () => {
  assert.deepEqual(wrap("one two three", 7), ["one two", "three"]);
  assert.deepEqual(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
  assert.deepEqual(wrap("ab abcdefgh", 4), ["ab", "abcd", "efgh"]);
  assert.deepEqual(wrap("a\n\nb", 5), ["a", "", "b"]);
  assert.deepEqual(wrap("", 5), [""]);
});

it("characters that take two code units are not cut in half", () => {
  assert.deepEqual(wrap("😀😀😀", 2), ["😀😀", "😀"]);
});

it("an answer cannot move the cursor", () => {
  assert.deepEqual(wrap("a\u001b[2Jb\rc", 20), ["a [2Jb c"]);
});

it("columns stand side by side under their titles and over their footers", () => {
  const lines = layOut(
    [
      { title: "one", text: "alpha beta gamma delta", footer: "$1" },
      { title: "two", text: "short", footer: "$2" },
    ],
    34,
  );
  assert.deepEqual(lines, [
    "one               two",
    "────────────────  ────────────────",
    "alpha beta gamma  short",
    "delta",
    "",
    "$1                $2",
  ]);
});

it("no line is wider than the terminal", () => {
  const column = {
    title: "a long title of a model",
    text: "word ".repeat(40),
    footer: "$0.000001, 10 tokens in, 20 out",
  };
  for (const width of [10, 20, 60, 61, 79, 200]) {
    for (const line of layOut([column, column, column], width))
      assert.ok([...line].length <= width, `${width}: ${line}`);
  }
});

it("a narrow terminal gets the columns one below another", () => {
  const lines = layOut(
    [
      { title: "one", text: "a", footer: "" },
      { title: "two", text: "b", footer: "" },
    ],
    20,
  );
  assert.ok(lines.indexOf("two") > lines.indexOf("a"));
  assert.deepEqual(layOut([], 80), []);
});

it("redrawing goes up by what was drawn and clears it", () => {
  assert.equal(redraw(0, ["a", "b"]), "\r\u001b[Ja\nb\n");
  assert.equal(redraw(2, ["c"]), "\u001b[2A\r\u001b[Jc\n");
});

it("the total is the sum of the parts that are shown", () => {
  const parts = [0.0000014, 0.0000014, 0.0000014].map(micros);
  assert.deepEqual(parts.map(showMicros), Array(3).fill("$0.000001"));
  assert.equal(showMicros(parts.reduce((sum, part) => sum + part, 0)), "$0.000003");
});
