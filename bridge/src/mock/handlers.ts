import { METHOD_ALIASES, SERVED_METHODS } from "../contract.js";
import { ACTIVITY } from "./activity.js";
import type { Backend, Handler, PageMethod } from "./backend.js";
import { BATCHES } from "./batches.js";
import { CHAT } from "./chat.js";
import { DATA } from "./files.js";
import { KEEPING } from "./keeping.js";
import { MESSAGES } from "./messages.js";
import { MODELS } from "./models.js";
import { PROJECTS } from "./projects.js";
import { SETTINGS } from "./settings.js";

/** Every request that a page can make. One that the contract gains does not compile until it is answered here. */
const HANDLERS: { readonly [M in PageMethod]: Handler<M> } = {
  ...ACTIVITY,
  ...BATCHES,
  ...CHAT,
  ...DATA,
  ...KEEPING,
  ...MESSAGES,
  ...MODELS,
  ...PROJECTS,
  ...SETTINGS,
};

/** The names that `handlerOf` knows: the methods that are served, and their older names. */
export const HANDLED: readonly string[] = [...Object.keys(HANDLERS), ...Object.keys(METHOD_ALIASES)];

export type AnyHandler = (
  backend: Backend,
  params: Readonly<Record<string, unknown>>,
  progress: Parameters<Handler<"chat:send">>[2],
) => unknown;

/** The method that a name stands for and what answers it; nothing for a method that is not served yet. */
export function handlerOf(name: string): { method: PageMethod; handle: AnyHandler } | undefined {
  const method = (METHOD_ALIASES as Readonly<Record<string, string>>)[name] ?? name;
  if (!(SERVED_METHODS as readonly string[]).includes(method) || !Object.hasOwn(HANDLERS, method))
    return undefined;
  // What a handler is given was checked against the same contract that its type is made from.
  return { method: method as PageMethod, handle: HANDLERS[method as PageMethod] as unknown as AnyHandler };
}
