import type { ActivityItem, CostRepriceResult, ModelSpending } from "../contract.js";
import type { HandlersOf } from "./backend.js";
import { spentThisMonth } from "./budget.js";
import { addUSD, costOf } from "./money.js";
import { countsOf } from "./running.js";
import { type Call, newestFirst } from "./state.js";

const WEEK_MS = 7 * 24 * 60 * 60_000;

export const ACTIVITY: HandlersOf<"activity" | "cost"> = {
  "activity:get": (backend, { projectId, type, limit }) => {
    const { state } = backend;
    const project = state.projects.find(({ id }) => id === projectId);
    if (project === undefined) return [];
    backend.open(project);
    const chats = type === "batch" ? [] : state.conversations.filter((each) => each.projectId === projectId);
    const jobs = type === "chat" ? [] : state.jobs.filter((each) => each.projectId === projectId);
    const items = [
      ...chats.map((chat): ActivityItem => {
        const newest = state.messages.findLast(
          (each) => each.conversationId === chat.id && each.content !== "",
        );
        const spent = spendingOf(state.calls.filter(({ conversationId }) => conversationId === chat.id));
        const preview = newest === undefined ? {} : { preview: newest.content.slice(0, 200) };
        return {
          id: chat.id,
          type: "chat",
          timestamp: chat.lastUsed,
          title: chat.name,
          ...preview,
          ...spent,
        };
      }),
      ...jobs.map((job): ActivityItem => {
        const spent = spendingOf(state.calls.filter(({ jobId }) => jobId === job.id));
        const rows = countsOf(job).totalRows;
        const title = job.fileName || `Batch of ${rows} row${rows === 1 ? "" : "s"}`;
        return { id: job.id, type: "batch", timestamp: job.createdAt, title, ...spent, status: job.status };
      }),
    ];
    return newestFirst(items, ({ timestamp }) => timestamp).slice(0, limit ?? 100);
  },
  "activity:stats": (backend, { projectId }) => {
    const { state } = backend;
    const mine = (id: string | undefined): boolean => typeof projectId !== "string" || id === projectId;
    const calls = state.calls.filter((call) => mine(call.projectId));
    const chats = new Set(state.conversations.filter((chat) => mine(chat.projectId)).map(({ id }) => id));
    const weekStart = backend.now() - WEEK_MS;
    const byModel = groupByModel(calls).map(([model, own]): ModelSpending => ({
      model,
      cost: sumOf(own),
      calls: own.length,
      tokensIn: own.reduce((sum, { tokensIn }) => sum + tokensIn, 0),
      tokensOut: own.reduce((sum, { tokensOut }) => sum + tokensOut, 0),
    }));
    return {
      totalCost: addUSD(...byModel.map(({ cost }) => cost)),
      monthCost: spentThisMonth(backend, calls),
      weekCost: sumOf(calls.filter(({ at }) => at >= weekStart)),
      totalMessages: state.messages.filter(({ conversationId }) => chats.has(conversationId)).length,
      totalBatchJobs: state.jobs.filter((job) => mine(job.projectId)).length,
      byModel: byModel.sort((one, other) => other.cost - one.cost),
    };
  },
  "cost:reprice": (backend, { modelId, projectId, from, to }) => {
    const { pricing } = backend.serving(backend.model(modelId));
    const calls = backend.state.calls.filter(
      (call) =>
        (typeof projectId !== "string" || call.projectId === projectId) &&
        call.at >= (from ?? 0) &&
        call.at < (to ?? Infinity),
    );
    const priced = calls.filter((call) => call.cost !== undefined && costOf(pricing, call) !== undefined);
    const byModel = groupByModel(priced).map(([model, own]) => ({
      model,
      actualUSD: sumOf(own),
      repricedUSD: addUSD(...own.map((call) => costOf(pricing, call) ?? 0)),
      calls: own.length,
    }));
    byModel.sort((one, other) => other.actualUSD - one.actualUSD);
    return {
      actualUSD: addUSD(...byModel.map(({ actualUSD }) => actualUSD)),
      repricedUSD: addUSD(...byModel.map(({ repricedUSD }) => repricedUSD)),
      calls: priced.length,
      unpriced: calls.length - priced.length,
      byModel,
    } satisfies CostRepriceResult;
  },
};

/** What an item shows of its cost: nothing where there is none. */
function spendingOf(calls: readonly Call[]): Pick<ActivityItem, "cost" | "tokenCount"> {
  const cost = sumOf(calls);
  const tokenCount = calls.reduce((sum, { tokensIn, tokensOut }) => sum + tokensIn + tokensOut, 0);
  return { ...(cost === 0 ? {} : { cost }), ...(tokenCount === 0 ? {} : { tokenCount }) };
}

function sumOf(calls: readonly Call[]): number {
  return addUSD(...calls.map(({ cost }) => cost ?? 0));
}

function groupByModel(calls: readonly Call[]): [model: string, calls: Call[]][] {
  const groups = new Map<string, Call[]>();
  for (const call of calls) groups.set(call.model, [...(groups.get(call.model) ?? []), call]);
  return [...groups];
}
