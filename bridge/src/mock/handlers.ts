import { METHOD_ALIASES, SERVED_METHODS } from "../contract.js";
import { ACTIVITY } from "./activity.js";
import { BATCHES } from "./batches.js";
import { CHAT } from "./chat.js";
import { MESSAGES } from "./messages.js";
import { PROJECTS } from "./projects.js";
import { SETTINGS } from "./settings.js";
import { STORAGE } from "./storage.js";
import type { PageMethod, Progress, Store } from "./store.js";

type Params = Readonly<Record<string, unknown>>;

const HANDLERS: Readonly<Record<string, unknown>> = {
  ...{ ...ACTIVITY, ...BATCHES, ...CHAT, ...MESSAGES, ...PROJECTS, ...SETTINGS, ...STORAGE },
  "models:get": (store: Store, { id }: { id: string }) => store.model(id),
};

/** Return the method that a name stands for, its older names included; nothing for what no page can ask. */
export function methodNamed(name: string): PageMethod | undefined {
  const method = (METHOD_ALIASES as Readonly<Record<string, string>>)[name] ?? name;
  const served = (SERVED_METHODS as readonly string[]).includes(method) && method.includes(":");
  return served ? (method as PageMethod) : undefined;
}

/** Answer from the store what the store knows of, and everything else from the recordings. */
export async function answer(
  store: Store,
  method: PageMethod,
  params: Params,
  progress: Progress,
): Promise<unknown> {
  // What a handler is given was checked against the same contract that its type is made from.
  const handle = HANDLERS[method] as ((...given: [Store, Params, Progress]) => unknown) | undefined;
  return handle === undefined ? store.fixtures.play(method, params) : handle(store, params, progress);
}
