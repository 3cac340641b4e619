/** The part of JSON Schema that the contract uses. */
export interface Schema {
  type?: string | readonly string[];
  const?: unknown;
  enum?: readonly unknown[];
  properties?: Readonly<Record<string, Schema | string>>;
  required?: readonly string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  anyOf?: readonly Schema[];
  oneOf?: readonly Schema[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  minItems?: number;
  maxItems?: number;
}

export interface Problem {
  path: string;
  message: string;
}

/** What is wrong with a value, every member that is; nothing when it fits. */
export function problems(schema: Schema, value: unknown, path = ""): Problem[] {
  const at = (message: string): Problem[] => [{ path, message }];
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return problemsOfChoice(choices, value, path);
  if (schema.const !== undefined && value !== schema.const)
    return at(`Input should be ${show(schema.const)}`);
  if (schema.enum !== undefined && !schema.enum.includes(value)) {
    return at(`Input should be ${anyOf(schema.enum.map(show))}`);
  }
  if (schema.type !== undefined && !typesOf(schema).some((type) => isOfType(type, value))) {
    return at(`Input should be a valid ${NAMES[typesOf(schema)[0] ?? ""] ?? String(schema.type)}`);
  }
  if (typeof value === "number") return problemsOfNumber(schema, value, path);
  if (typeof value === "string") {
    const least = schema.minLength ?? 0;
    return value.length < least ? at(`String should have at least ${some(least, "character")}`) : [];
  }
  if (Array.isArray(value)) return problemsOfArray(schema, value, path);
  if (typeof value === "object" && value !== null) return problemsOfObject(schema, value, path);
  return [];
}

const NAMES: Readonly<Record<string, string>> = { object: "dictionary", array: "list" };

function typesOf({ type }: Schema): readonly string[] {
  return type === undefined ? [] : typeof type === "string" ? [type] : type;
}

function isOfType(type: string, value: unknown): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

/** None when one choice fits; else those of the choice that comes nearest. */
function problemsOfChoice(choices: readonly Schema[], value: unknown, path: string): Problem[] {
  const found = choices.map((choice) => problems(choice, value, path));
  // A choice that is null is never what was meant by something else.
  const meant = found.filter((_, index) => choices[index]?.type !== "null" || value === null);
  if (found.some((list) => list.length === 0)) return [];
  return meant.reduce((best, list) => (list.length < best.length ? list : best), meant[0] ?? []);
}

function problemsOfNumber(schema: Schema, value: number, path: string): Problem[] {
  const { minimum = -Infinity, maximum = Infinity } = schema;
  if (value < minimum) return [{ path, message: `Input should be greater than or equal to ${minimum}` }];
  if (value > maximum) return [{ path, message: `Input should be less than or equal to ${maximum}` }];
  return [];
}

function problemsOfArray(
  { minItems = 0, maxItems = Infinity, items = {} }: Schema,
  value: unknown[],
  path: string,
): Problem[] {
  const few = value.length < minItems;
  if (few || value.length > maxItems) {
    const bound = few ? `at least ${some(minItems, "item")}` : `at most ${some(maxItems, "item")}`;
    return [{ path, message: `List should have ${bound} after validation, not ${value.length}` }];
  }
  return value.flatMap((item: unknown, index) => problems(items, item, join(path, String(index))));
}

function problemsOfObject(schema: Schema, value: object, path: string): Problem[] {
  const found: Problem[] = [];
  for (const name of schema.required ?? []) {
    if (!(name in value)) found.push({ path: join(path, name), message: "Field required" });
  }
  for (const [name, member] of Object.entries(value)) {
    const known = schema.properties?.[name];
    if (known !== undefined && typeof known !== "string")
      found.push(...problems(known, member, join(path, name)));
    else if (known === undefined && schema.additionalProperties === false) {
      found.push({ path: join(path, name), message: "Extra inputs are not permitted" });
    } else if (known === undefined && typeof schema.additionalProperties === "object") {
      found.push(...problems(schema.additionalProperties, member, join(path, name)));
    }
  }
  return found;
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function some(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function anyOf(words: readonly string[]): string {
  return [words.slice(0, -1).join(", "), ...words.slice(-1)].filter(Boolean).join(" or ");
}

function show(value: unknown): string {
  return typeof value === "string" ? `'${value}'` : JSON.stringify(value);
}
