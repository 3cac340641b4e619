import type {
  METHOD_ALIASES,
  Methods,
  Model,
  Notifications,
  Project,
  ProgressValue,
  Settings,
} from "../contract.js";
import { contractError, type SidecarError } from "../errors.js";
import { KEY_PROVIDERS } from "../providers.js";
import type { Material } from "./material.js";
import { type State, emptyState } from "./state.js";

/** The requests that a page can make, older names left out. */
export type PageMethod = Exclude<Extract<keyof Methods, `${string}:${string}`>, keyof typeof METHOD_ALIASES>;

/** Params as a handler gets them: none are an empty object. */
export type Given<M extends PageMethod> = Methods[M]["params"] extends undefined
  ? Readonly<Record<string, never>>
  : Readonly<Methods[M]["params"]>;

export type Handler<M extends PageMethod> = (
  backend: Backend,
  params: Given<M>,
  /** There when the request asked for progress. */
  progress: ((value: ProgressValue) => void) | undefined,
) => Methods[M]["result"] | Promise<Methods[M]["result"]>;

/** A handler for each method of some name spaces, so that a method that is missing does not compile. */
export type HandlersOf<S extends string> = {
  readonly [M in Extract<PageMethod, `${S}:${string}`>]: Handler<M>;
};

/** How long things take, in ms. */
export interface Pace {
  /** Before a request is answered. */
  latencyMs: number;
  /** Before each piece of streamed text. */
  delayMs: number;
  /** For a row of a batch. */
  rowMs: number;
}

export interface BackendOptions {
  material: Material;
  pace: Pace;
  uuid: () => string;
  /** Ms since 1970 UTC. */
  now: () => number;
  emit: <N extends keyof Notifications>(name: N, params: Notifications[N]) => void;
}

/** What stands where the sidecar would: its memory, its clock, its models, and what runs at the moment. */
export class Backend {
  state: State;
  readonly material: Material;
  readonly pace: Pace;
  readonly uuid: () => string;
  readonly emit: BackendOptions["emit"];
  readonly models: readonly Model[];
  readonly startedAt: number;
  /** Files of `data:*` and `batch:export`, which a page cannot write to a disk. */
  readonly files = new Map<string, string | State>();
  /** What can be stopped: answers by conversation, batches by job. */
  readonly running = new Set<{ conversationId?: string; jobId?: string; abort: AbortController }>();
  readonly #now: () => number;
  #last = 0;

  constructor(options: BackendOptions) {
    this.material = options.material;
    this.pace = options.pace;
    this.uuid = options.uuid;
    this.emit = options.emit;
    this.#now = options.now;
    this.models = this.material.sample("models:get-all");
    this.state = emptyState(defaultsIn(this.material), KEY_PROVIDERS);
    this.startedAt = this.now();
  }

  /** The time in ms, never the same twice, so that the order of what happened is its order in time. */
  now(): number {
    this.#last = Math.max(this.#last + 1, this.#now());
    return this.#last;
  }

  /** Waits, but not longer than until `signal` is aborted. */
  pause(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener("abort", done, { once: true });
    });
  }

  /** A model by any of its names. */
  findModel(name: string): Model | undefined {
    const bare = (model: Model): boolean => model.id === name || fullName(model) === name;
    const older = (model: Model): boolean =>
      (model.aliases ?? []).some((alias) => alias === name || `${model.provider}/${alias}` === name);
    return this.models.find(bare) ?? this.models.find(older);
  }

  /** As `findModel`. Throws `not_found`. */
  model(name: string): Model {
    const found = this.findModel(name);
    if (found !== undefined) return found;
    const message = `There is no model called "${name}". Choose one from the list of models.`;
    throw (
      this.material.errorSaying("not_found", `"${name}"`) ??
      contractError("not_found", message, { retryable: false })
    );
  }

  /** Whether a model has ended, so that its calls are sent to its successor. */
  hasEnded({ status, retiresOn }: Model): boolean {
    return (
      status === "retired" || (retiresOn !== undefined && retiresOn <= new Date(this.#now()).toISOString())
    );
  }

  /** The model that answers for another: itself, unless it has ended or its vendor redirects its calls. */
  serving(model: Model): Model {
    const next = this.hasEnded(model) ? model.successor : this.material.redirects[nameOf(model)];
    return this.models.find(({ provider, id }) => provider === model.provider && id === next) ?? model;
  }

  /** Makes a project the one that new conversations go to. */
  open(project: Project): Project {
    this.state.currentProject = project.id;
    project.lastUsed = this.now();
    return project;
  }

  /** The project that is open, made when there is none. */
  openProject(): Project {
    const open = this.state.projects.find(({ id }) => id === this.state.currentProject);
    if (open !== undefined) return open;
    return this.open(this.addProject("Default"));
  }

  addProject(name: string, description = "", settings: Record<string, unknown> = {}): Project {
    const at = this.now();
    const project: Project = { id: this.uuid(), name, description, settings, createdAt: at, lastUsed: at };
    this.state.projects.push(project);
    return project;
  }

  /** Aborts what runs there; says how much that was. */
  abort(where: { conversationId?: string; jobId?: string }): number {
    const found = [...this.running].filter(
      (each) =>
        (where.jobId !== undefined && each.jobId === where.jobId) ||
        (where.conversationId !== undefined && each.conversationId === where.conversationId),
    );
    for (const { abort } of found) abort.abort();
    return found.length;
  }

  /** `not_found`, in the words of a recording of this method. */
  unknown(method: PageMethod): SidecarError {
    return this.material.error("not_found", method);
  }
}

/** A row of the list of models as `provider/id`, an older name included. */
export function fullName({ provider, id }: Model): string {
  return `${provider}/${id}`;
}

/** The model behind a row as `provider/id`. */
export function nameOf(model: Model): string {
  return `${model.provider}/${model.aliasOf ?? model.id}`;
}

/** All the settings as a recording shows them before anything was changed. */
function defaultsIn(material: Material): Settings {
  for (const result of material.results("settings:load", {})) return result as Settings;
  return {
    maxOutputTokens: 8192,
    enableWebSearch: false,
    maxWebSearchUses: 5,
    enableExtendedThinking: false,
    enablePromptCaching: false,
    promptCacheTTL: "5m",
    enableStreaming: false,
    jsonMode: true,
    reasoningEffort: "high",
    monthlyBudgetUSD: null,
    concurrency: {},
  };
}
