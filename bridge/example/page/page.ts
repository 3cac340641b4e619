import { call, sentence } from "./api.js";
import { Batch } from "./batch.js";
import { boot } from "./boot.js";
import { Compare } from "./compare.js";
import { find } from "./dom.js";
import { Projects } from "./projects.js";
import { Settings } from "./settings.js";

const WORDS = {
  electron: "Electron, simulated sidecar",
  server: "browser, simulated sidecar",
  mock: "browser alone, mock",
} as const;

async function main(): Promise<void> {
  find("where", HTMLElement).textContent = WORDS[await boot()];
  const projects = new Projects((project) => (document.title = `${project.name} – A-B/AI example`));
  const showActivity = (): Promise<void> => projects.showActivity();
  const compare = new Compare(showActivity);
  const batch = new Batch(() => projects.current?.id, showActivity);
  const settings = new Settings();
  await projects.load();
  const models = await call("models:get-all");
  compare.offer(models);
  batch.offer(models);
  await settings.load();
  document.body.dataset["ready"] = "true";
}

main().catch((error: unknown) => {
  const banner = find("banner", HTMLElement);
  banner.textContent = `The page could not start: ${sentence(error)}`;
  banner.hidden = false;
});
