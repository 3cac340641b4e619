/** What texts are made of: tokens, pieces, JSON. */

export function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An estimate: four characters to a token. */
export function tokensIn(text: string): number {
  return Math.ceil(text.length / 4);
}

/** The beginning of a text: so many tokens of it. */
export function firstTokens(text: string, count: number): string {
  return text.slice(0, Math.max(0, count) * 4);
}

/** With what the vendors' formats put around a prompt. */
export function promptTokens(text: string): number {
  return tokensIn(text) + 8;
}

/** A text in the pieces in which the recordings stream: one word, two words, one word, and so on. */
export function piecesOf(text: string): string[] {
  const words = text.match(/\s*\S+|\s+$/g) ?? [];
  const pieces: string[] = [];
  for (let at = 0, size = 1; at < words.length; at += size, size = 3 - size) {
    // The size changes after the step, so that the step is the size of the piece.
    pieces.push(words.slice(at, at + size).join(""));
  }
  return pieces;
}

/** A line of at most 80 characters. */
export function shorten(text: string): string {
  const line = text.trim().replace(/\s+/g, " ");
  return line.length <= 80 ? line : `${line.slice(0, 79)}…`;
}

/** FNV-1a: questions that differ in a letter get numbers that differ in every digit. */
export function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const letter of text) value = Math.imul(value ^ (letter.codePointAt(0) ?? 0), 0x01000193);
  return (value ^ (value >>> 15)) >>> 0;
}
