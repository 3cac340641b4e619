import type {
  BatchCostRange,
  BatchJob,
  BatchResult,
  BatchRow,
  Conversation,
  Message,
  Project,
  Settings,
} from "../contract.js";

/** One call that was made and what it cost, so that all totals come from the same rows. */
export interface Call {
  at: number;
  /** The one that answered, as `provider/id`. */
  model: string;
  projectId: string | undefined;
  conversationId?: string;
  jobId?: string;
  tokensIn: number;
  tokensOut: number;
  /** US dollars; undefined when unpriced. */
  cost: number | undefined;
}

export interface Job {
  id: string;
  projectId: string;
  fileName: string;
  mode: BatchJob["mode"];
  status: BatchJob["status"];
  /** `renderer`: the page runs it and tells how it goes. */
  source: "sidecar" | "renderer";
  createdAt: number;
  startedAt?: number;
  completedAt?: number;
  estimate?: BatchCostRange;
  error?: string;
  rows: BatchRow[];
  results: BatchResult[];
  /** What the page said of its own batch. */
  told?: { totalRows?: number; completedRows?: number };
  native?: { provider: string; id: string };
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

export function emptyState(settings: Settings, providers: readonly string[]): State {
  return {
    projects: [],
    conversations: [],
    messages: [],
    settings: { ...settings },
    // In mock mode every provider counts as configured.
    keys: Object.fromEntries(providers.map((provider) => [provider, "sk-simulated"])),
    calls: [],
    jobs: [],
    queue: {},
    history: [],
  };
}

/** Newest first by a time; what is equal stays in its order. */
export function newestFirst<T>(items: readonly T[], at: (item: T) => number): T[] {
  return [...items].sort((one, other) => at(other) - at(one));
}

/** The part of a list after an item, at most `limit` of it; undefined when there is no such item. */
export function pageAfter<T extends { id: string }>(
  items: readonly T[],
  cursor: string | null | undefined,
  limit: number | null | undefined,
): T[] | undefined {
  const start = cursor === null || cursor === undefined ? 0 : items.findIndex(({ id }) => id === cursor) + 1;
  if (start === 0 && cursor !== null && cursor !== undefined) return undefined;
  return items.slice(start, limit === null || limit === undefined ? undefined : start + limit);
}
