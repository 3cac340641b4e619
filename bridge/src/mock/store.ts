import type { BatchJob, BatchResult, BatchRow, Conversation, Message, Model } from "../contract.js";
import { DEFAULT_SETTINGS, type Notifications, type Project, type Settings } from "../contract.js";
import { KEY_PROVIDERS } from "../providers.js";
import type { Ids } from "../replay.js";
import type { MethodName, ParamsOf as TypedParamsOf, ProgressValue, ResultOf } from "../typed.js";
import type { Turn } from "./conversations.js";
import type { Fixtures, Match } from "./fixtures.js";
import type { Pace } from "./query.js";
import { fullName, type RecordedReply, repliesIn } from "./replies.js";

/** Params as a handler gets them. */
export type ParamsOf<M extends MethodName> = Readonly<NonNullable<TypedParamsOf<M>>>;

/** What a request that streams tells on its way. */
export type Progress = ((value: ProgressValue) => void) | undefined;

/** Handlers for methods that read or change the store; what they leave undefined, and all others, is played. */
export type Handlers = {
  readonly [M in MethodName]?: (
    store: Store,
    params: ParamsOf<M>,
    progress: Progress,
  ) => ResultOf<M> | undefined | Promise<ResultOf<M>>;
};

/** A batch as the page is shown it, but for what its results add up to. */
export interface Job {
  shown: BatchJob;
  rows: readonly BatchRow[];
  results: BatchResult[];
  /** How often it was started; a run ends when it is not the last one. */
  runs: number;
}

/** The memory of the mock, its clock, and what runs at the moment. */
export class Store {
  projects: Project[] = [];
  conversations: Conversation[] = [];
  messages: Message[] = [];
  turns: Turn[] = [];
  jobs: Job[] = [];
  currentProject?: string;
  /** The newest conversation that was begun with the id `null`. */
  unnamed?: string;
  readonly queue = new Map<string, unknown>();
  readonly settings: Settings = { ...DEFAULT_SETTINGS };
  // In mock mode every provider counts as configured.
  readonly keys: Record<string, string> = Object.fromEntries(
    KEY_PROVIDERS.map((provider) => [provider, "sk-simulated"]),
  );
  readonly models: readonly Model[];
  readonly replies: readonly RecordedReply[];
  /** Answers that stream, each until somebody stops it. */
  readonly streams = new Set<{ conversationId: string | undefined; stopped: boolean }>();
  #last = 0;

  constructor(
    readonly fixtures: Fixtures,
    readonly pace: Pace,
    readonly ids: Ids,
    readonly emit: <N extends keyof Notifications>(name: N, params: Notifications[N]) => void,
  ) {
    this.models = this.play("models:get-all", { includeAliases: true }) as Model[];
    this.replies = repliesIn(fixtures.exchanges);
  }

  /** Return what is recorded for a request, and tell what was told with it. */
  play(
    method: MethodName,
    params: Readonly<Record<string, unknown>>,
    match?: Match,
    progress?: Progress,
  ): unknown {
    const { result, told, progress: values } = this.fixtures.play(method, params, match);
    for (const value of values) progress?.(value as ProgressValue);
    // What is told is what the contract has, as it was recorded.
    for (const { notification, params: news } of told) this.emit(notification as never, news as never);
    return result;
  }

  uuid(): string {
    return this.ids.uuid();
  }

  /** The time in ms, never the same twice, so that the order of what happened is its order in time. */
  now(): number {
    this.#last = Math.max(this.#last + 1, this.ids.now());
    return this.#last;
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => void setTimeout(resolve, ms));
  }

  /** Return a model by any of its names. */
  findModel(name: string): Model | undefined {
    return this.models.find((model) => model.id === name || fullName(model) === name);
  }

  /** As `findModel`. Throws `not_found`. */
  model(name: string): Model {
    const found = this.findModel(name);
    if (found !== undefined) return found;
    throw this.fixtures.error("not_found", { method: "chat:send", says: `"${name}"` });
  }

  /** Return one of a list by its id. Throws `not_found`, in the words that are recorded for a method. */
  find<T extends { id: string }>(items: readonly T[], id: string, method: MethodName): T {
    const found = items.find((item) => item.id === id);
    if (found === undefined) throw this.fixtures.error("not_found", { method });
    return found;
  }

  /** Stop what streams into a conversation; return how much that was. */
  stopStreams(conversationId: string): number {
    const found = [...this.streams].filter((each) => each.conversationId === conversationId);
    for (const stream of found) stream.stopped = true;
    return found.length;
  }
}

/** Newest first by a time; what is equal stays in its order. */
export function newestFirst<T>(items: readonly T[], at: (item: T) => number): T[] {
  return [...items].sort((one, other) => at(other) - at(one));
}

/** Return the exact sum of amounts in US dollars: sums of whole units are exact, sums of dollars as floats are not. */
export function addUSD(...amounts: readonly (number | null | undefined)[]): number {
  return amounts.reduce<number>((sum, amount) => sum + Math.round((amount ?? 0) * 1e12), 0) / 1e12;
}
