/** What an export adds to each row; an import leaves it out again. */
export const RESULT_COLUMNS: readonly string[] = [
  "rowIndex",
  "status",
  "response",
  "tokens_in",
  "tokens_out",
  "cost_usd",
  "latency_ms",
  "error",
  "errorMessage",
  "attempts",
];

export const ROW_COLUMNS: readonly string[] = [
  "id",
  "prompt",
  "model",
  "system",
  "developer",
  "temperature",
  "maxOutputTokens",
  "jsonMode",
  "jsonSchema",
];

/** A table of rows and what came of them. */
export function toCsv(rows: readonly object[]): string {
  const flat = rows.map((row): Record<string, unknown> => {
    const { data, ...own } = row as { data?: Record<string, unknown> };
    return { ...data, ...own };
  });
  const extra = [...new Set(rows.flatMap((row) => Object.keys((row as { data?: object }).data ?? {})))];
  const head = [...ROW_COLUMNS, ...extra, ...RESULT_COLUMNS];
  const lines = [head, ...flat.map((row) => head.map((name) => row[name] ?? ""))];
  return lines.map((line) => `${line.map(quoted).join(",")}\n`).join("");
}

function quoted(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /[",;\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The cells of a table, line by line; separated as in the first line, by semicolons or by commas. */
export function cellsOf(text: string): string[][] {
  const separator = (text.split("\n", 1)[0] ?? "").includes(";") ? ";" : ",";
  const lines: string[][] = [];
  let line: string[] = [];
  let cell = "";
  let inside = false;
  const endLine = (): void => {
    line.push(cell);
    if (line.some((each) => each !== "")) lines.push(line);
    [line, cell] = [[], ""];
  };
  for (let at = 0; at < text.length; at += 1) {
    const letter = text.charAt(at);
    if (inside) {
      if (letter !== '"') cell += letter;
      else if (text.charAt(at + 1) === '"') [cell, at] = [`${cell}"`, at + 1];
      else inside = false;
    } else if (letter === '"' && cell === "") inside = true;
    else if (letter === separator) [line, cell] = [[...line, cell], ""];
    else if (letter === "\n") endLine();
    else if (letter !== "\r") cell += letter;
  }
  endLine();
  return lines;
}
