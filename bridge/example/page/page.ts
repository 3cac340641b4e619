import { call, sentence } from "./api.js";
import { Batch } from "./batch.js";
import { boot } from "./boot.js";
import { Compare } from "./compare.js";
import { find } from "./dom.js";
import { Projects } from "./projects.js";
import { Settings } from "./settings.js";
import { Vote } from "./vote.js";

const WORDS = {
  electron: "Electron, simulated sidecar",
  server: "browser, simulated sidecar",
  mock: "browser alone, mock",
} as const;

async function main(): Promise<void> {
  find("where", HTMLElement).textContent = WORDS[await boot()];
  const vote: Vote = new Vote(() => projects.current?.id);
  const compare: Compare = new Compare(vote, () => projects.showActivity());
  const projects = new Projects(
    (project) => (document.title = `${project.name} – A-B/AI example`),
    (conversationId) => compare.open(conversationId),
  );
  const showActivity = (): Promise<void> => projects.showActivity();
  const batch = new Batch(() => projects.current?.id, showActivity);
  const settings = new Settings();
  await projects.load();
  const models = await call("models:get-all");
  compare.offer(models);
  batch.offer(models);
  await settings.load();
  await joinWork(projects.current?.id ?? "", compare, batch);
  document.body.dataset["ready"] = "true";
}

/** A page that was loaded anew takes up what is under way: it is being paid for. */
async function joinWork(projectId: string, compare: Compare, batch: Batch): Promise<void> {
  const { turns, jobs } = await call("work:list", { projectId, texts: false });
  const [turn] = turns.slice(-1);
  if (turn !== undefined) void compare.join(turn);
  const [running] = jobs.slice(-1);
  if (running !== undefined) await batch.join(running.job);
}

main().catch((error: unknown) => {
  const banner = find("banner", HTMLElement);
  banner.textContent = `The page could not start: ${sentence(error)}`;
  banner.hidden = false;
});
