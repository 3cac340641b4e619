import { METHOD_ALIASES, SERVED_METHODS } from "../contract.js";
import { mismatch } from "../replay.js";
import type { MethodName } from "../typed.js";
import { BATCHES, updateBatch } from "./batches.js";
import { CHAT } from "./chat.js";
import { CONVERSATIONS } from "./conversations.js";
import { activityOf, PROJECTS, projectsOf } from "./projects.js";
import { SAVED, validateKey } from "./saved.js";
import type { Handlers, Progress, Store } from "./store.js";

type Params = Readonly<Record<string, unknown>>;
type Handle = (...given: [Store, Params, Progress]) => unknown;

const HANDLERS: Handlers = { ...BATCHES, ...CHAT, ...CONVERSATIONS, ...PROJECTS, ...SAVED };

/** What the store answers where the page has left the recordings. */
const OFF_TRACK: Handlers = {
  "activity:get": activityOf,
  "batch:update-status": updateBatch,
  "models:get": (store, { id }) => store.model(id),
  "project:list": projectsOf,
  "settings:validate-key": validateKey,
};

/** Return the method that a name stands for, its older names included; nothing for what no page can ask. */
export function methodNamed(name: string): MethodName | undefined {
  const method = (METHOD_ALIASES as Readonly<Record<string, string>>)[name] ?? name;
  const served = (SERVED_METHODS as readonly string[]).includes(method) && method.includes(":");
  return served ? (method as MethodName) : undefined;
}

/** Answer from the store what the store knows of, and everything else from the recordings. */
export async function answer(
  store: Store,
  method: MethodName,
  params: Params,
  progress: Progress,
): Promise<unknown> {
  const matches = store.fixtures.follow(method, params);
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
  // Which ids this answer gives to what the recordings name.
  for (const { exchange, bindings } of matches) {
    if ("result" in exchange.response) mismatch(exchange.response.result, result, bindings);
  }
  return result;
}
