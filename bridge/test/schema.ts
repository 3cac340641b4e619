/** The part of JSON Schema that the contract uses. */
export interface Schema {
  type?: string | readonly string[];
  const?: unknown;
  enum?: readonly unknown[];
  properties?: Readonly<Record<string, Schema>>;
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

/** Return what is wrong with a value, every member that is; nothing when it fits. */
export function problems(schema: Schema, value: unknown, path = ""): Problem[] {
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return problemsOfChoice(choices, value, path);
  if (!isAllowed(schema, value)) return [{ path, message: "Input should be what the contract says" }];
  if (typeof value !== "object" || value === null) return [];
  const { required = [], properties = {}, additionalProperties: others = true, items } = schema;
  const inside = (name: string): string => (path === "" ? name : `${path}.${name}`);
  const missing = required.filter((name) => !(name in value));
  return [
    ...missing.map((name) => ({ path: inside(name), message: "Field required" })),
    ...Object.entries(value).flatMap(([name, member]) => {
      const known = items ?? properties[name] ?? others;
      if (known === false) return [{ path: inside(name), message: "Extra inputs are not permitted" }];
      return known === true ? [] : problems(known, member, inside(name));
    }),
  ];
}

/** Return none when one choice fits; else those of the choice that comes nearest, which is null only for null. */
function problemsOfChoice(choices: readonly Schema[], value: unknown, path: string): Problem[] {
  const meant = choices.filter(({ type }) => type !== "null" || value === null);
  const found = meant.map((choice) => problems(choice, value, path));
  return found.reduce((best, list) => (list.length < best.length ? list : best), found[0] ?? []);
}

function isAllowed(schema: Schema, value: unknown): boolean {
  const {
    minimum = -Infinity,
    maximum = Infinity,
    minLength = 0,
    minItems = 0,
    maxItems = Infinity,
  } = schema;
  if ("const" in schema && schema.const !== value) return false;
  if (schema.enum?.includes(value) === false) return false;
  if (schema.type !== undefined && ![schema.type].flat().some((type) => isOfType(type, value))) return false;
  if (typeof value === "number") return value >= minimum && value <= maximum;
  if (typeof value === "string") return value.length >= minLength;
  return !Array.isArray(value) || (value.length >= minItems && value.length <= maxItems);
}

function isOfType(type: string, value: unknown): boolean {
  if (type === "integer") return Number.isInteger(value);
  return type === (value === null ? "null" : Array.isArray(value) ? "array" : typeof value);
}
