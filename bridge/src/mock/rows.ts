import type { BatchResult, BatchRow, ChatOptions } from "../contract.js";
import { contractError, SidecarError } from "../errors.js";
import { checkOptions } from "./abilities.js";
import type { Backend } from "./backend.js";
import { hasKey } from "./keys.js";

const VARIABLE = /\{\{\s*([^{}]+?)\s*\}\}/g;

export type Row = BatchRow & { id: string };

/** The rows with an id each: their own, or one by their place. */
export function withIds(rows: readonly BatchRow[]): Row[] {
  return rows.map((row, index) => ({ ...row, id: row.id ? row.id : `row-${index + 1}` }));
}

export function fillIn(text: string, data: Readonly<Record<string, unknown>> | null | undefined): string {
  return text.replace(VARIABLE, (_, name: string) => {
    const value = data?.[name];
    return typeof value === "string"
      ? value
      : value === undefined || value === null
        ? ""
        : JSON.stringify(value);
  });
}

/** What a row asks for, as options of a chat. */
export function optionsOf({ system, jsonMode, jsonSchema, maxOutputTokens, data }: BatchRow): ChatOptions {
  const schema = jsonSchema ?? (data?.["jsonSchema"] as typeof jsonSchema);
  return {
    ...(system ? { systemPrompt: fillIn(system, data) } : {}),
    ...(jsonMode === true || data?.["jsonMode"] === true ? { jsonMode: true } : {}),
    ...(schema === undefined || schema === null ? {} : { jsonSchema: schema }),
    ...(typeof maxOutputTokens === "number" ? { maxOutputTokens } : {}),
  };
}

/** Throws `invalid_params` when a row cannot be sent, and then nothing is. */
export function checkRows(backend: Backend, rows: readonly Row[]): void {
  const issues = rows.flatMap((row, index) => {
    const problem = problemOf(backend, row);
    return problem === undefined ? [] : [{ path: `rows.${index}.${problem[0]}`, message: problem[1] }];
  });
  const first = issues[0];
  if (first === undefined) return;
  const number = Number(first.path.split(".")[1]) + 1;
  const message =
    `${issues.length} ${issues.length === 1 ? "row" : "rows"} cannot be sent; row ${number}: ` +
    `${first.message.replace(/\.$/, "")}. Correct them and submit the batch again; nothing was sent or paid.`;
  throw contractError("invalid_params", message, { retryable: false, issues });
}

function problemOf(backend: Backend, row: Row): [member: string, message: string] | undefined {
  if (row.prompt.trim() === "") return ["prompt", "The prompt is empty."];
  const asked = [...`${row.prompt} ${row.system ?? ""}`.matchAll(VARIABLE)].map((match) => match[1] ?? "");
  const lacking = [...new Set(asked)].filter((name) => (row.data?.[name] ?? null) === null);
  if (lacking.length > 0) return ["data", `Missing template variables: ${lacking.join(", ")}`];
  try {
    const served = backend.serving(backend.model(row.model));
    checkOptions(optionsOf(row), served);
    return undefined;
  } catch (error) {
    if (!(error instanceof SidecarError)) throw error;
    return [error.kind === "not_found" ? "model" : "jsonSchema", error.message];
  }
}

/** Throws `missing_api_key` that names every provider whose key the rows lack. */
export function checkKeys(backend: Backend, rows: readonly Row[]): void {
  const providers = new Set(rows.map(({ model }) => backend.serving(backend.model(model)).provider));
  const missing = [...providers].filter((name) => !hasKey(backend, name)).sort();
  if (missing.length === 0) return;
  const message =
    `Missing API keys for providers: ${missing.join(", ")}. ` +
    "Add them in the settings, then send the batch again.";
  throw contractError("missing_api_key", message, { retryable: false, provider: missing[0] ?? "" });
}

/** A row that waits. */
export function waitingResult(row: Row, rowIndex: number): BatchResult {
  return {
    id: row.id,
    rowIndex,
    prompt: fillIn(row.prompt, row.data),
    model: row.model,
    status: "pending",
    tokens_in: 0,
    tokens_out: 0,
    cost_usd: 0,
    latency_ms: 0,
    attempts: 0,
    ...(row.data === null || row.data === undefined ? {} : { data: row.data }),
  };
}
