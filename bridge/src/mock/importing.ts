import type { BatchImportResult, BatchRow } from "../contract.js";
import { isObject } from "../replay.js";
import { tryParse } from "./text.js";
import { cellsOf, RESULT_COLUMNS, ROW_COLUMNS } from "./csv.js";

type Values = Readonly<Record<string, unknown>>;

/** Rows from a text: the good ones, and for each bad one a sentence. */
export function readRows(text: string, format: string): BatchImportResult {
  if (format === "csv") return fromTable(cellsOf(text));
  return format === "json" ? fromJson(text) : fromLines(text.split("\n"));
}

function fromTable([head, ...lines]: string[][]): BatchImportResult {
  if (head === undefined) return { rows: [], errors: [{ row: 0, message: "The file is empty." }] };
  const columns = head.map((name) => fieldOf(name) ?? name.trim());
  const missing = ["prompt", "model"].filter((name) => !columns.includes(name));
  if (missing.length > 0) {
    const say = (name: string): string => `There is no column "${name}". Name the columns in the first row.`;
    return { rows: [], errors: missing.map((name) => ({ row: 0, message: say(name) })) };
  }
  const objects = lines.map((line) => Object.fromEntries(columns.map((name, at) => [name, line[at] ?? ""])));
  return collect(objects.map((values, index) => [index + 1, values, filled(values)]));
}

function fromJson(text: string): BatchImportResult {
  const value = tryParse(text);
  const list: unknown = isObject(value) ? value["rows"] : value;
  if (Array.isArray(list)) return collect(list.map((item: unknown, index) => [index + 1, item, item]));
  const message = isObject(value)
    ? 'The file is an object without a list of "rows". Give an array of objects.'
    : "From here on the file is not JSON.";
  return { rows: [], errors: [{ row: 0, message }] };
}

function fromLines(lines: readonly string[]): BatchImportResult {
  const read = lines.flatMap((line, index): Numbered[] => {
    if (line.trim() === "") return [];
    const value = tryParse(line);
    return [[index + 1, value, value === undefined ? NOT_JSON : value]];
  });
  return collect(read);
}

type Numbered = [number: number, shown: unknown, value: unknown];

const NOT_JSON = Symbol("a line that is not JSON");

function collect(found: readonly Numbered[]): BatchImportResult {
  const result: BatchImportResult = { rows: [], errors: [] };
  for (const [number, shown, value] of found) {
    const row = value === NOT_JSON ? "This line is not JSON." : rowOf(value);
    if (typeof row !== "string") result.rows.push({ id: `row-${number}`, ...row });
    else result.errors.push({ row: number, message: row, ...(isObject(shown) ? { data: shown } : {}) });
  }
  return result;
}

/** A row, or the sentence that says why it is none. */
function rowOf(value: unknown): BatchRow | string {
  if (!isObject(value))
    return `A row must be an object with a prompt and a model, not ${JSON.stringify(value)}.`;
  const exported = ["rowIndex", "status", "attempts"].every((name) => name in value);
  const known: Record<string, unknown> = {};
  const data: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    if ((exported && RESULT_COLUMNS.includes(name)) || name === "data") continue;
    const field = fieldOf(name);
    if (field === undefined) data[name] = member;
    else if (member !== null) known[field] = MEMBERS[field]?.(member) ?? member;
  }
  for (const name of ["prompt", "model"]) {
    const text = known[name] ?? "";
    if (typeof text !== "string") return `The ${name} must be text, not ${JSON.stringify(text)}.`;
    if (text.trim() === "") return `The ${name} is empty.`;
  }
  const all = { ...data, ...(isObject(value["data"]) ? value["data"] : {}) };
  return { ...known, ...(Object.keys(all).length > 0 ? { data: all } : {}) } as unknown as BatchRow;
}

const number = (value: unknown): unknown =>
  typeof value === "string" ? Number(value.replace(",", ".")) : value;

/** What a cell of a table stands for; the values of JSON are right already. */
const MEMBERS: Readonly<Record<string, (value: unknown) => unknown>> = {
  id: String,
  temperature: number,
  maxOutputTokens: number,
  jsonMode: (value) => (typeof value === "string" ? /^(true|yes|y|1|on)$/i.test(value.trim()) : value),
  jsonSchema: (value) => (typeof value === "string" ? tryParse(value) : value),
};

/** The member of a row that a column of this name fills. */
function fieldOf(column: string): string | undefined {
  const plain = column.trim().replaceAll("_", "").toLowerCase();
  return ROW_COLUMNS.find((name) => name.toLowerCase() === plain);
}

/** Without the empty cells of members; empty data stays. */
function filled(values: Values): Values {
  return Object.fromEntries(
    Object.entries(values).filter(([name, value]) => fieldOf(name) === undefined || value !== ""),
  );
}
