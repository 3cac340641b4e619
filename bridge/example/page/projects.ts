import type { ActivityItem, Project } from "@abai/bridge/contract";
import { call, sentence } from "./api.js";
import { find, make, onSubmit, showUSD } from "./dom.js";

/** The list of projects, the form for a new one, and what was done in the one that is open. */
export class Projects {
  #current: Project | undefined;
  readonly #list = find("projects", HTMLUListElement);
  readonly #error = find("project-error", HTMLElement);

  constructor(
    readonly onChange: (project: Project) => void,
    readonly openConversation: (id: string) => Promise<void>,
  ) {
    const name = find("project-name", HTMLInputElement);
    onSubmit(find("new-project", HTMLFormElement), async () => {
      await this.#try(async () => {
        await this.#open(await call("project:create", { name: name.value.trim() }));
        name.value = "";
      });
    });
  }

  get current(): Project | undefined {
    return this.#current;
  }

  /** Opens the last used one; on a first start there is none yet, and one is made. */
  async load(): Promise<void> {
    const [last] = await call("project:list");
    await this.#open(last ?? (await call("project:create", { name: "My first project" })));
  }

  async showActivity(): Promise<void> {
    if (this.#current === undefined) return;
    const projectId = this.#current.id;
    const [items, stats] = await Promise.all([
      call("activity:get", { projectId, limit: 8 }),
      call("activity:stats", { projectId }),
    ]);
    const rows = items.map((item) => this.#done(item));
    find("activity", HTMLUListElement).replaceChildren(
      ...(rows.length > 0 ? rows : [make("li", { class: "muted" }, "Nothing yet.")]),
    );
    find("spent", HTMLElement).textContent = `${showUSD(stats.totalCost)} in all`;
  }

  async #open(project: Project): Promise<void> {
    this.#current = await call("project:switch", { id: project.id });
    const projects = await call("project:list");
    this.#list.replaceChildren(...projects.map((each) => this.#item(each)));
    find("current-project", HTMLElement).textContent = this.#current.name;
    this.onChange(this.#current);
    await this.showActivity();
  }

  /** What was done; a comparison can be opened again. */
  #done({ id, title, type, cost, status }: ActivityItem): HTMLLIElement {
    const words = [type, status, cost === undefined ? "" : showUSD(cost)].filter(Boolean).join(" · ");
    const muted = make("span", { class: "muted" }, words);
    if (type !== "chat") return make("li", {}, make("span", { class: "activity-title" }, title), muted);
    const open = make("button", { type: "button", class: "quiet activity-title" }, title);
    open.addEventListener("click", () => void this.#try(() => this.openConversation(id)));
    return make("li", {}, open, muted);
  }

  #item(project: Project): HTMLLIElement {
    const current = project.id === this.#current?.id;
    const button = make(
      "button",
      { type: "button", class: "project", "aria-current": current ? "true" : false },
      project.name,
    );
    button.addEventListener("click", () => void this.#try(() => this.#open(project)));
    const remove = make(
      "button",
      { type: "button", class: "quiet", "aria-label": `Delete ${project.name}` },
      "×",
    );
    remove.addEventListener("click", () => {
      if (!confirm(`Delete ${project.name} and everything in it?`)) return;
      void this.#try(async () => {
        await call("project:delete", { id: project.id });
        await this.load();
      });
    });
    return make("li", {}, button, remove);
  }

  async #try(work: () => Promise<void>): Promise<void> {
    this.#error.textContent = "";
    try {
      await work();
    } catch (error) {
      this.#error.textContent = sentence(error);
    }
  }
}
