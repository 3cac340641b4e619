import { METHOD_ALIASES, SERVED_METHODS } from "../contract.js";
import { activityOf } from "./activity.js";
import { BATCHES, updateBatch } from "./batches.js";
import { CHAT } from "./chat.js";
import { MESSAGES } from "./messages.js";
import { PROJECTS, projectsOf } from "./projects.js";
import { QUEUE } from "./queue.js";
import { SETTINGS, validateKey } from "./settings.js";
import type { Handlers, PageMethod, Progress, Store } from "./store.js";
import { learn } from "./tracks.js";

type Params = Readonly<Record<string, unknown>>;
type Handle = (...given: [Store, Params, Progress]) => unknown;

const HANDLERS: Handlers = { ...BATCHES, ...CHAT, ...MESSAGES, ...PROJECTS, ...QUEUE, ...SETTINGS };

/** What the store answers where the page has left the recordings. */
const OFF_TRACK: Handlers = {
  "activity:get": activityOf,
  "batch:update-status": updateBatch,
  "models:get": (store, { id }) => store.model(id),
  "project:list": projectsOf,
  "settings:validate-key": validateKey,
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
  const matches = store.tracks.follow(method, params);
  const [match] = matches;
  const refusal = store.fixtures.refusal(method, params, match);
  if (refusal !== undefined && !(method in CHAT)) throw refusal;
  const handle = HANDLERS[method] ?? (match === undefined ? OFF_TRACK[method] : undefined);
  // What a handler is given was made for the same contract that its type is made from.
  const call = async (): Promise<unknown> => (handle as Handle | undefined)?.(store, params, progress);
  const own = await call().catch((error: unknown) => {
    throw refusal ?? error;
  });
  // A question that fails has opened its turn all the same.
  if (refusal !== undefined) throw refusal;
  const result = own === undefined ? store.play(method, params, match, progress) : own;
  learn(matches, result);
  return result;
}
