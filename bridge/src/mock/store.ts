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
import { type Match, Tracks } from "./tracks.js";

/** The requests that a page can make, older names left out. */
export type PageMethod = Exclude<Extract<keyof Methods, `${string}:${string}`>, keyof typeof METHOD_ALIASES>;

/** Params as a handler gets them: none are an empty object. */
export type ParamsOf<M extends PageMethod> = Methods[M]["params"] extends undefined
  ? Readonly<Record<string, never>>
  : Readonly<Methods[M]["params"]>;

/** What a request that streams tells on its way. */
export type Progress = ((value: ProgressValue) => void) | undefined;

/** Handlers for methods that read or change the store; what they leave undefined, and all others, is played. */
export type Handlers = {
  readonly [M in PageMethod]?: (
    store: Store,
    params: ParamsOf<M>,
    progress: Progress,
  ) => Methods[M]["result"] | undefined | Promise<Methods[M]["result"]>;
};

export interface Job extends Pick<
  BatchJob,
  "id" | "projectId" | "fileName" | "mode" | "status" | "createdAt"
> {
  startedAt?: number;
  completedAt?: number;
  estimate?: BatchCostRange;
  rows: readonly BatchRow[];
  results: BatchResult[];
  /** How many the page said that its own batch has. */
  announcedRows?: number;
  /** How often it was started; a run ends when it is not the last one. */
  runs: number;
}

export interface StoreOptions {
  fixtures: Fixtures;
  pace: Pace;
  ids: Ids;
  emit: <N extends keyof Notifications>(name: N, params: Notifications[N]) => void;
}

/** The memory of the mock, its clock, and what runs at the moment. */
export class Store {
  projects: Project[] = [];
  conversations: Conversation[] = [];
  messages: Message[] = [];
  jobs: Job[] = [];
  queue: Record<string, unknown> = {};
  currentProject?: string;
  /** The newest conversation that was begun with the id `null`. */
  unnamed?: string;
  readonly settings: Settings = { ...DEFAULT_SETTINGS };
  // In mock mode every provider counts as configured.
  readonly keys: Record<string, string> = Object.fromEntries(
    KEY_PROVIDERS.map((provider) => [provider, "sk-simulated"]),
  );
  readonly fixtures: Fixtures;
  readonly tracks: Tracks;
  readonly pace: Pace;
  readonly emit: StoreOptions["emit"];
  readonly models: readonly Model[];
  readonly replies: readonly RecordedReply[];
  /** Answers that stream, each until somebody stops it. */
  readonly streams = new Set<{ conversationId: string | undefined; stopped: boolean }>();
  readonly #ids: Ids;
  #last = 0;

  constructor({ fixtures, pace, ids, emit }: StoreOptions) {
    this.fixtures = fixtures;
    this.tracks = new Tracks(fixtures.recordings);
    this.pace = pace;
    this.emit = emit;
    this.#ids = ids;
    this.models = this.play("models:get-all", { includeAliases: true }) as Model[];
    this.replies = repliesIn(fixtures.exchanges);
  }

  /** Return what is recorded for a request, and tell what was told with it. */
  play(
    method: PageMethod,
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

  /** Make a project the one that new conversations go to. */
  open(project: Project): Project {
    this.currentProject = project.id;
    project.lastUsed = this.now();
    return project;
  }

  /** The project that is open, made when there is none. */
  openProject(): Project {
    const open = this.projects.find(({ id }) => id === this.currentProject);
    return open ?? this.open(this.addProject("Default"));
  }

  addProject(name: string, description = "", settings: Record<string, unknown> = {}): Project {
    const at = this.now();
    const project: Project = { id: this.uuid(), name, description, settings, createdAt: at, lastUsed: at };
    this.projects.push(project);
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
