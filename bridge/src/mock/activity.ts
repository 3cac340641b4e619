import type { ActivityItem } from "../contract.js";
import { newestFirst, type ParamsOf, type Store } from "./store.js";

/** Return what was last done in a project. What it cost is for the recordings to say. */
export function activityOf(
  store: Store,
  { projectId, type, limit }: ParamsOf<"activity:get">,
): ActivityItem[] {
  const chats = store.conversations.map(({ id, projectId: own, lastUsed: timestamp, name: title }) => {
    const said = store.messages.filter((each) => each.conversationId === id && each.content !== "");
    const preview = said.at(-1)?.content.slice(0, 200) ?? "";
    return { own, item: { id, type: "chat", timestamp, title, preview } satisfies ActivityItem };
  });
  const batches = store.jobs.map(({ id, projectId: own, createdAt: timestamp, fileName, status }) => {
    const title = fileName || "A batch";
    return { own, item: { id, type: "batch", timestamp, title, status } satisfies ActivityItem };
  });
  const items: ActivityItem[] = [...chats, ...batches]
    .filter(({ own, item }) => own === projectId && (!type || type === "all" || type === item.type))
    .map(({ item }) => item);
  return newestFirst(items, ({ timestamp }) => timestamp).slice(0, limit ?? 100);
}
