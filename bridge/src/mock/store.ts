import type {
  BatchCostRange,
  BatchJob,
  BatchResult,
  BatchRow,
  Conversation,
  Message,
  METHOD_ALIASES,
} from "../contract.js";
import type { Methods, Model, Notifications, Project, ProgressValue, Settings } from "../contract.js";
import { DEFAULT_SETTINGS } from "../contract.js";
import { KEY_PROVIDERS } from "../providers.js";
import type { Ids } from "../replay.js";
import type { Fixtures } from "./fixtures.js";
import type { Pace } from "./query.js";
import { fullName, type RecordedReply, repliesIn } from "./replies.js";

/** The requests that a page can make, older names left out. */
export type PageMethod = Exclude<Extract<keyof Methods, `${string}:${string}`>, keyof typeof METHOD_ALIASES>;

/** Params as a handler gets them: none are an empty object. */
export type ParamsOf<M extends PageMethod> = Methods[M]["params"] extends undefined
  ? Readonly<Record<string, never>>
  : Readonly<Methods[M]["params"]>;

/** What a request that streams tells on its way. */
export type Progress = ((value: ProgressValue) => void) | undefined;

/** Handlers for methods that read or change the store; all others are played from the recordings. */
export type Handlers = {
  readonly [M in PageMethod]?: (
    store: Store,
    params: ParamsOf<M>,
    progress: Progress,
  ) => Methods[M]["result"] | Promise<Methods[M]["result"]>;
};

/** One call and what it cost, so that all totals come from the same rows. */
export interface Call {
  /** The one that answered, as `provider/id`. */
  model: string;
  projectId: string | undefined;
  /** The conversation or the batch that it was made for. */
  madeFor?: string | undefined;
  tokensIn: number;
  tokensOut: number;
  /** US dollars; undefined when unpriced. */
  cost: number | undefined;
}

export interface Job extends Pick<
  BatchJob,
  "id" | "projectId" | "fileName" | "mode" | "status" | "createdAt"
> {
  startedAt?: number;
  completedAt?: number;
  error?: string;
  estimate?: BatchCostRange;
  /** `renderer`: the page runs it and tells how it goes. */
  source: "sidecar" | "renderer";
  rows: readonly BatchRow[];
  results: BatchResult[];
  /** What the page said of its own batch. */
  reported?: { totalRows?: number; completedRows?: number };
  native?: { provider: string; id: string };
  /** How often it was started; a run ends when it is not the last one. */
  runs: number;
}

/** Everything that the mock remembers: plain data, so that a backup is a copy. */
export interface State {
  projects: Project[];
  conversations: Conversation[];
  messages: Message[];
  settings: Settings;
  keys: Record<string, string>;
  calls: Call[];
  jobs: Job[];
  queue: Record<string, unknown>;
  history: { project: string; row: Record<string, unknown> }[];
  currentProject?: string;
  /** The newest conversation that was begun with the id `null`. */
  unnamed?: string;
}

export interface StoreOptions {
  fixtures: Fixtures;
  pace: Pace;
  ids: Ids;
  emit: <N extends keyof Notifications>(name: N, params: Notifications[N]) => void;
}

/** The memory of the mock, its clock, and what runs at the moment. */
export class Store {
  state: State;
  readonly fixtures: Fixtures;
  readonly pace: Pace;
  readonly emit: StoreOptions["emit"];
  readonly models: readonly Model[];
  readonly replies: readonly RecordedReply[];
  /** What a page would have in files, which it cannot write: a backup, or the rows of a batch. */
  readonly files = new Map<string, State | readonly BatchRow[]>();
  /** Answers that stream, each until somebody stops it. */
  readonly streams = new Set<{ conversationId: string | undefined; stopped: boolean }>();
  readonly #ids: Ids;
  #last = 0;

  constructor({ fixtures, pace, ids, emit }: StoreOptions) {
    this.fixtures = fixtures;
    this.pace = pace;
    this.emit = emit;
    this.#ids = ids;
    this.models = fixtures.play("models:get-all") as Model[];
    this.replies = repliesIn(fixtures.exchanges);
    this.state = {
      ...{ projects: [], conversations: [], messages: [], calls: [], jobs: [], queue: {}, history: [] },
      settings: { ...DEFAULT_SETTINGS },
      // In mock mode every provider counts as configured.
      keys: Object.fromEntries(KEY_PROVIDERS.map((provider) => [provider, "sk-simulated"])),
    };
  }

  uuid(): string {
    return this.#ids.uuid();
  }

  /** The time in ms, never the same twice, so that the order of what happened is its order in time. */
  now(): number {
    this.#last = Math.max(this.#last + 1, this.#ids.now());
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
  find<T extends { id: string }>(items: readonly T[], id: string, method: PageMethod): T {
    const found = items.find((item) => item.id === id);
    if (found === undefined) throw this.fixtures.error("not_found", { method });
    return found;
  }

  /** Return what comes after an item, at most `limit` of it. Throws `invalid_params` when there is no such item. */
  page<T extends { id: string }>(
    items: readonly T[],
    { cursor, limit }: { cursor?: string | null; limit?: number | null },
  ): T[] {
    const start = items.findIndex(({ id }) => id === cursor) + 1;
    if (start === 0 && typeof cursor === "string") {
      throw this.fixtures.error("invalid_params", { method: "batch:list" });
    }
    return items.slice(start, start + (limit ?? items.length));
  }

  /** Make a project the one that new conversations go to. */
  open(project: Project): Project {
    this.state.currentProject = project.id;
    project.lastUsed = this.now();
    return project;
  }

  /** The project that is open, made when there is none. */
  openProject(): Project {
    const open = this.state.projects.find(({ id }) => id === this.state.currentProject);
    return open ?? this.open(this.addProject("Default"));
  }

  addProject(name: string, description = "", settings: Record<string, unknown> = {}): Project {
    const at = this.now();
    const project: Project = { id: this.uuid(), name, description, settings, createdAt: at, lastUsed: at };
    this.state.projects.push(project);
    return project;
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
