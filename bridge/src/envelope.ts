import type { ApiRequest, Envelope } from "./api.js";
import { contractError, SidecarError } from "./errors.js";

const DEEPEST = 150;

/** What the window sent, taken apart. Throws `invalid_params` or `method_not_found` for what is no request. */
export function parseRequest(message: unknown): {
  method: string;
  params: Record<string, unknown> | undefined;
} {
  const { type, payload } = (
    typeof message === "object" && message !== null ? message : {}
  ) as Partial<ApiRequest>;
  if (typeof type !== "string" || type === "") {
    throw contractError("invalid_params", "A request must have a type, for example project:list.");
  }
  // Names without a space belong to the bridge: no page may shut the sidecar down.
  if (!/^[\w-]+:[\w-]+$/.test(type)) {
    throw contractError("method_not_found", `There is no request of the type ${type}. Look it up in the list of methods.`);
  }
  if (payload === undefined || payload === null) return { method: type, params: undefined };
  if (typeof payload !== "object" || Array.isArray(payload)) {
    throw contractError("invalid_params", `The payload of ${type} must be an object.`);
  }
  const problem = findNonPlain(payload);
  if (problem !== undefined) {
    throw contractError(
      "invalid_params",
      `The payload of ${type} must be plain data: ${problem.message} at ${problem.path}.`,
      {
        issues: [problem],
      },
    );
  }
  return { method: type, params: payload as Record<string, unknown> };
}

export interface NonPlain {
  path: string;
  message: string;
}

/** Finds the first thing in a value that JSON could not carry as it is. Dates are fine: they travel as text. */
export function findNonPlain(value: unknown, path = "payload", depth = 0): NonPlain | undefined {
  if (depth > DEEPEST) return { path, message: "it is nested too deep, or holds itself" };
  switch (typeof value) {
    case "bigint":
    case "function":
    case "symbol":
      return { path, message: `a ${typeof value} cannot be sent` };
    case "object":
      break;
    default:
      return undefined;
  }
  if (value === null || value instanceof Date) return undefined;
  if (Array.isArray(value)) {
    return firstOf(value, (item: unknown, index) => findNonPlain(item, `${path}[${index}]`, depth + 1));
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  // A plain object of another realm has that realm's Object.prototype, whose own prototype is null too.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    return { path, message: `a ${(value as object).constructor.name} cannot be sent` };
  }
  return firstOf(Object.entries(value as object), ([name, member]) =>
    findNonPlain(member, `${path}.${name}`, depth + 1),
  );
}

function firstOf<T>(
  items: readonly T[],
  find: (item: T, index: number) => NonPlain | undefined,
): NonPlain | undefined {
  for (const [index, item] of items.entries()) {
    const found = find(item, index);
    if (found !== undefined) return found;
  }
  return undefined;
}

export function success(data: unknown): Envelope {
  return { success: true, data };
}

/**
 * How the window is told of a failure. The chat page throws all answers of a turn away when one request fails,
 * but shows a result that holds `error` for its model alone; so a failed turn of a conversation is a result.
 */
export function failure(request: unknown, error: unknown): Envelope {
  const { message, code, kind, data } =
    error instanceof SidecarError
      ? error
      : contractError(
          "internal_error",
          "Something went wrong in A-B/AI. Please try again; the log says more.",
        );
  if (isTurn(request)) return { success: true, data: { error: message, code, kind } };
  return { success: false, error: message, code, kind, data };
}

/** Whether a request is one model's part of a conversation's turn, and not a row of a batch. */
function isTurn(request: unknown): boolean {
  if (typeof request !== "object" || request === null) return false;
  const { type, payload } = request as Partial<ApiRequest>;
  if (type !== "chat:send" || typeof payload !== "object" || payload === null) return false;
  const id = (payload as { conversationId?: unknown }).conversationId;
  return typeof id === "string" && id !== "";
}
