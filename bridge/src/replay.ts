/**
 * Recordings: what went in (`>`) and what came out (`<`), one JSON object a line, with placeholders as strings
 * where a value differs from run to run. Pure: parsing, matching and filling; who sends is somebody else.
 */

export type Direction = ">" | "<";

export interface RecordedLine {
  direction: Direction;
  message: unknown;
}

export interface Recording {
  name: string;
  title: string;
  lines: RecordedLine[];
}

/** Values that `<uuid:NAME>` stands for, by name. */
export type Bindings = Map<string, string>;

type JsonObject = Record<string, unknown>;

const UUID_PLACEHOLDER = /^<uuid:([^>]+)>$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const MORE_MEMBERS = "...";

/** Throws an Error that names the file and line of what is no recording. */
export function parseRecording(name: string, text: string): Recording {
  const recording: Recording = { name, title: name, lines: [] };
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "") continue;
    const entry = parseLine(line, `${name}, line ${index + 1}`);
    if (isObject(entry["meta"])) {
      const title = entry["meta"]["title"];
      if (typeof title === "string") recording.title = title;
    } else if (">" in entry) recording.lines.push({ direction: ">", message: entry[">"] });
    else if ("<" in entry) recording.lines.push({ direction: "<", message: entry["<"] });
    else throw new Error(`${name}, line ${index + 1}: neither meta, > nor <`);
  }
  return recording;
}

function parseLine(line: string, where: string): JsonObject {
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch (error) {
    throw new Error(`${where}: ${String(error)}`);
  }
  if (!isObject(entry)) throw new Error(`${where}: not an object`);
  return entry;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Says where `value` differs from `pattern`, or nothing when it does not. Binds names that are not bound yet.
 * With `anyId`, an id placeholder takes any text: for what a client sends that chooses its own ids.
 */
export function mismatch(
  pattern: unknown,
  value: unknown,
  bindings: Bindings,
  options: { anyId?: boolean } = {},
  path = "$",
): string | undefined {
  if (typeof pattern === "string")
    return mismatchOfText(pattern, value, bindings, options.anyId === true, path);
  if (Array.isArray(pattern)) {
    if (!Array.isArray(value)) return `${path}: expected an array, got ${show(value)}`;
    if (value.length !== pattern.length)
      return `${path}: expected ${pattern.length} items, got ${value.length}`;
    return firstOf(pattern, (item, index) =>
      mismatch(item, value[index], bindings, options, `${path}[${index}]`),
    );
  }
  if (isObject(pattern)) {
    if (!isObject(value)) return `${path}: expected an object, got ${show(value)}`;
    const names = Object.keys(pattern).filter((name) => name !== MORE_MEMBERS);
    const extra = Object.keys(value).find((name) => !names.includes(name));
    if (extra !== undefined && pattern[MORE_MEMBERS] !== true) return `${path}.${extra}: not expected`;
    return firstOf(names, (name) =>
      name in value
        ? mismatch(pattern[name], value[name], bindings, options, `${path}.${name}`)
        : `${path}.${name}: missing`,
    );
  }
  return pattern === value ? undefined : `${path}: expected ${show(pattern)}, got ${show(value)}`;
}

function mismatchOfText(
  pattern: string,
  value: unknown,
  bindings: Bindings,
  anyId: boolean,
  path: string,
): string | undefined {
  const name = UUID_PLACEHOLDER.exec(pattern)?.[1];
  if (name !== undefined) {
    if (typeof value !== "string" || !(anyId || UUID.test(value)))
      return `${path}: expected an id, got ${show(value)}`;
    const bound = bindings.get(name);
    if (bound === undefined) bindings.set(name, value);
    return bound === undefined || bound === value
      ? undefined
      : `${path}: expected the id ${name}, got another`;
  }
  const fits = fitsPlaceholder(pattern, value) ?? pattern === value;
  return fits ? undefined : `${path}: expected ${pattern}, got ${show(value)}`;
}

function fitsPlaceholder(pattern: string, value: unknown): boolean | undefined {
  switch (pattern) {
    case "<any>":
      return true;
    case "<text>":
      return typeof value === "string";
    case "<number>":
      return typeof value === "number";
    case "<int>":
    case "<time>":
      return Number.isSafeInteger(value);
    default:
      return undefined;
  }
}

/** Makes up what placeholders stand for. */
export interface Ids {
  uuid: () => string;
  /** Ms since 1970 UTC. */
  now: () => number;
}

/** A concrete value for a pattern: bound ids as they are, new ones made and bound, the rest plausible. */
export function fill(pattern: unknown, bindings: Bindings, ids: Ids): unknown {
  if (Array.isArray(pattern)) return pattern.map((item) => fill(item, bindings, ids));
  if (isObject(pattern)) {
    const members = Object.entries(pattern).filter(([name]) => name !== MORE_MEMBERS);
    return Object.fromEntries(members.map(([name, member]) => [name, fill(member, bindings, ids)]));
  }
  if (typeof pattern !== "string") return pattern;
  const name = UUID_PLACEHOLDER.exec(pattern)?.[1];
  if (name !== undefined) {
    const id = bindings.get(name) ?? ids.uuid();
    bindings.set(name, id);
    return id;
  }
  switch (pattern) {
    case "<any>":
      return null;
    case "<text>":
      return "Some text.";
    case "<number>":
    case "<int>":
      return 1;
    case "<time>":
      return ids.now();
    default:
      return pattern;
  }
}

/** The names of the ids in a pattern. */
export function idNames(pattern: unknown): Set<string> {
  const names = new Set<string>();
  const visit = (part: unknown): void => {
    if (typeof part === "string") {
      const name = UUID_PLACEHOLDER.exec(part)?.[1];
      if (name !== undefined) names.add(name);
    } else if (Array.isArray(part)) part.forEach(visit);
    else if (isObject(part)) Object.values(part).forEach(visit);
  };
  visit(pattern);
  return names;
}

function firstOf<T>(
  items: readonly T[],
  find: (item: T, index: number) => string | undefined,
): string | undefined {
  for (const [index, item] of items.entries()) {
    const found = find(item, index);
    if (found !== undefined) return found;
  }
  return undefined;
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? "nothing").slice(0, 200);
}
