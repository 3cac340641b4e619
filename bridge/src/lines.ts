const LONGEST_LINE = 4_000;

/** Cuts a stream of text into lines and keeps the last ones. Neither a flood nor an endless line makes it grow. */
export class LineRing {
  readonly #kept: string[] = [];
  #unfinished = "";

  constructor(
    readonly limit: number,
    readonly onLine: (line: string) => void = () => undefined,
  ) {}

  push(text: string): void {
    const parts = (this.#unfinished + text).split("\n");
    this.#unfinished = (parts.pop() ?? "").slice(0, LONGEST_LINE);
    for (const part of parts) this.#add(part);
  }

  /** Takes what came after the last line end as a line of its own. */
  finish(): void {
    if (this.#unfinished !== "") this.#add(this.#unfinished);
    this.#unfinished = "";
  }

  lines(): string[] {
    return [...this.#kept];
  }

  #add(raw: string): void {
    const line = raw.replace(/\r$/, "").slice(0, LONGEST_LINE);
    this.#kept.push(line);
    if (this.#kept.length > this.limit) this.#kept.shift();
    this.onLine(line);
  }
}
