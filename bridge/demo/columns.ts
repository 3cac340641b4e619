/** Text side by side in columns, for a terminal. Pure: takes texts and a width, gives lines. */

export interface Column {
  title: string;
  text: string;
  footer: string;
}

const GAP = "  ";
const NARROWEST = 16;

/** Cuts a text into lines of at most `width` characters, between words where it can. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  // Only line ends may reach the terminal as control characters: a model's answer must not move the cursor.
  for (const paragraph of text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, " ").split("\n")) {
    let line = "";
    for (const word of paragraph.split(" ").filter((part) => part !== "")) {
      let rest = [...word];
      const joined = line === "" ? [...word] : [...line, " ", ...word];
      if (joined.length <= width) {
        line = joined.join("");
        continue;
      }
      if (line !== "") lines.push(line);
      while (rest.length > width) {
        lines.push(rest.slice(0, width).join(""));
        rest = rest.slice(width);
      }
      line = rest.join("");
    }
    lines.push(line);
  }
  return lines;
}

/** Lays columns out in `width` characters: title, rule, text, footer. Where that is too narrow, one below another. */
export function layOut(columns: readonly Column[], width: number): string[] {
  if (columns.length === 0) return [];
  const each = Math.floor((width - GAP.length * (columns.length - 1)) / columns.length);
  if (each < NARROWEST && columns.length > 1)
    return columns.flatMap((column) => [...layOut([column], width), ""]);
  const inner = Math.max(1, each);
  const heads = columns.map(({ title }) => [...wrap(title, inner), "─".repeat(inner)]);
  const bodies = columns.map(({ text }) => wrap(text, inner));
  const feet = columns.map(({ footer }) => wrap(footer, inner));
  return [...sideBySide(heads, inner), ...sideBySide(bodies, inner), "", ...sideBySide(feet, inner)];
}

function sideBySide(blocks: readonly (readonly string[])[], width: number): string[] {
  const height = Math.max(...blocks.map((block) => block.length));
  return Array.from({ length: height }, (_, row) =>
    blocks
      .map((block) => padTo(block[row] ?? "", width))
      .join(GAP)
      .trimEnd(),
  );
}

function padTo(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - [...text].length));
}

/** The codes that put `lines` in place of the `drawn` lines above the cursor. */
export function redraw(drawn: number, lines: readonly string[]): string {
  const up = drawn === 0 ? "" : `\u001b[${drawn}A`;
  return `${up}\r\u001b[J${lines.join("\n")}\n`;
}

/** Dollars as whole millionths, so that a total is exactly the sum of the parts that are shown. */
export function micros(usd: number): number {
  return Math.round(usd * 1_000_000);
}

export function showMicros(amount: number): string {
  return `$${(amount / 1_000_000).toFixed(6)}`;
}
