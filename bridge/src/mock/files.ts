import type { BatchImportResult, BatchRow } from "../contract.js";
import { contractError } from "../errors.js";
import type { HandlersOf } from "./backend.js";
import { toCsv } from "./csv.js";
import { readRows } from "./importing.js";

type BatchFiles = Pick<HandlersOf<"batch">, "batch:import" | "batch:export">;

/** Files that exist in memory only: a page has no disk. */
export const BATCH_FILES: BatchFiles = {
  "batch:import": (backend, params) => {
    // A row as it was recorded is read as it was recorded: the sidecar takes more spellings than are known here.
    for (const result of backend.material.results("batch:import", { ...params })) {
      if (!("path" in params)) return result as BatchImportResult;
    }
    if ("text" in params) return readRows(params.text, params.format);
    const text = backend.files.get(params.path);
    if (typeof text !== "string") throw missingFile(params.path);
    return readRows(text, params.path.slice(params.path.lastIndexOf(".") + 1));
  },
  "batch:export": (backend, { jobId, path, format }) => {
    const job = backend.state.jobs.find(({ id }) => id === jobId);
    if (job === undefined) throw backend.unknown("batch:export");
    const text = writeRows(job.rows, job.results, format);
    backend.files.set(path, text);
    return { path, rows: job.results.length, bytes: bytesOf(text) };
  },
};

export const DATA: HandlersOf<"data"> = {
  "data:backup": (backend, { path }) => {
    backend.files.set(path, structuredClone(backend.state));
    return { path, bytes: bytesOf(JSON.stringify(backend.state)) };
  },
  "data:export": (backend, { path }) => {
    const { projects, conversations, messages } = backend.state;
    const texts = Object.entries({ projects, conversations, messages }).map(([name, items]) => {
      const text = items.map((item) => `${JSON.stringify(item)}\n`).join("");
      backend.files.set(`${path}/${name}.jsonl`, text);
      return text;
    });
    return { path, bytes: bytesOf(texts.join("")) };
  },
  "data:restore": (backend, { path }) => {
    const backup = backend.files.get(path);
    if (typeof backup !== "object") throw missingFile(path);
    for (const { abort } of backend.running) abort.abort();
    backend.state = structuredClone(backup);
    return { path: databaseBeside(path), bytes: bytesOf(JSON.stringify(backup)) };
  },
};

function databaseBeside(path: string): string {
  return `${path.slice(0, Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1)}abai.db`;
}

function missingFile(path: string): Error {
  return contractError("not_found", `There is no file ${path}. Choose another one.`, { retryable: false });
}

function writeRows(rows: readonly BatchRow[], results: readonly object[], format: string): string {
  const both = results.map((result, index) => ({
    ...rows[index],
    ...result,
    prompt: rows[index]?.prompt ?? "",
  }));
  if (format === "csv") return toCsv(both);
  return format === "json"
    ? JSON.stringify(both, null, 2)
    : both.map((each) => `${JSON.stringify(each)}\n`).join("");
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}
