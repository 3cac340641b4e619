import type { ActivityItem, ModelSpending } from "../contract.js";
import { countsOf } from "./running.js";
import { addUSD, type Call, type Handlers, newestFirst } from "./store.js";

export const ACTIVITY: Handlers = {
  "activity:get": (store, { projectId, type, limit }) => {
    const { state } = store;
    const project = state.projects.find(({ id }) => id === projectId);
    if (project === undefined) return [];
    store.open(project);
    const spent = (id: string): Pick<ActivityItem, "cost" | "tokenCount"> =>
      spendingOf(state.calls.filter(({ madeFor }) => madeFor === id));
    const chats = state.conversations.map((chat): ActivityItem & { projectId: string } => {
      const said = state.messages.filter((each) => each.conversationId === chat.id && each.content !== "");
      const preview = said.length === 0 ? {} : { preview: said.at(-1)?.content.slice(0, 200) ?? "" };
      const { id, projectId: own, lastUsed: timestamp, name: title } = chat;
      return { id, projectId: own, type: "chat", timestamp, title, ...preview, ...spent(id) };
    });
    const batches = state.jobs.map((job): ActivityItem & { projectId: string } => {
      const { id, projectId: own, createdAt: timestamp, fileName, status } = job;
      const rows = countsOf(job).totalRows;
      const title = fileName || `Batch of ${rows} row${rows === 1 ? "" : "s"}`;
      return { id, projectId: own, type: "batch", timestamp, title, ...spent(id), status };
    });
    const shown = [...(type === "batch" ? [] : chats), ...(type === "chat" ? [] : batches)];
    return newestFirst(shown, ({ timestamp }) => timestamp)
      .filter((item) => item.projectId === projectId)
      .map(({ projectId: _, ...item }) => item)
      .slice(0, limit ?? 100);
  },
  "activity:stats": ({ state }, { projectId }) => {
    const mine = (each: { projectId: string | undefined }): boolean =>
      typeof projectId !== "string" || each.projectId === projectId;
    const calls = state.calls.filter(mine);
    const chats = new Set(state.conversations.filter(mine).map(({ id }) => id));
    const byModel = [...new Set(calls.map(({ model }) => model))].map((model): ModelSpending => {
      const own = calls.filter((call) => call.model === model);
      const tokensIn = own.reduce((sum, call) => sum + call.tokensIn, 0);
      const tokensOut = own.reduce((sum, call) => sum + call.tokensOut, 0);
      return { model, cost: addUSD(...own.map(({ cost }) => cost)), calls: own.length, tokensIn, tokensOut };
    });
    // Nothing here is older than the page.
    const totalCost = addUSD(...calls.map(({ cost }) => cost));
    return {
      ...{ totalCost, monthCost: totalCost, weekCost: totalCost },
      totalMessages: state.messages.filter(({ conversationId }) => chats.has(conversationId)).length,
      totalBatchJobs: state.jobs.filter(mine).length,
      byModel: byModel.sort((one, other) => (other.cost ?? 0) - (one.cost ?? 0)),
    };
  },
};

/** What an item shows of its cost: nothing where there is none. */
function spendingOf(calls: readonly Call[]): Pick<ActivityItem, "cost" | "tokenCount"> {
  const cost = addUSD(...calls.map((call) => call.cost));
  const tokenCount = calls.reduce((sum, { tokensIn, tokensOut }) => sum + tokensIn + tokensOut, 0);
  return { ...(cost === 0 ? {} : { cost }), ...(tokenCount === 0 ? {} : { tokenCount }) };
}
