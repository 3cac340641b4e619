import type { AllKeys } from "@abai/bridge/contract";
import { call, sentence } from "./api.js";
import { find, make, onSubmit, say } from "./dom.js";

/** Which providers have a key, and the form to save one. The key itself never comes back to the page. */
export class Settings {
  readonly #status = find("key-status", HTMLElement);
  readonly #refused = new Set<string>();

  constructor() {
    const provider = find("key-provider", HTMLSelectElement);
    const value = find("key-value", HTMLInputElement);
    onSubmit(find("key", HTMLFormElement), async () => {
      await this.#try(async () => {
        await call("settings:save", { key: "apiKey", provider: provider.value, value: value.value });
        value.value = "";
        this.#refused.delete(provider.value);
        const { valid, reason } = await call("settings:validate-key", { provider: provider.value });
        if (!valid) this.#refused.add(provider.value);
        say(this.#status, valid ? "The key works." : (reason ?? "The key does not work."), !valid);
      });
      await this.load();
    });
    window.ipc.onInvalidKey((name) => {
      this.#refused.add(name);
      void this.load();
    });
    window.ipc.onOpenSettings(() => find("settings", HTMLElement).scrollIntoView());
  }

  async load(): Promise<void> {
    await this.#try(async () => {
      const keys = (await call("settings:load", { key: "allKeys" })) as AllKeys;
      const items = Object.entries(keys).map(([provider, { configured }]) =>
        this.#item(provider, configured),
      );
      const masked = await Promise.all(
        Object.keys(keys).map((provider) => call("settings:load", { key: "apiKey", provider })),
      );
      masked.forEach((key, index) =>
        items[index]?.append(make("code", {}, typeof key === "string" ? key : "")),
      );
      find("keys", HTMLUListElement).replaceChildren(...items);
    });
  }

  #item(provider: string, configured: boolean): HTMLLIElement {
    const refused = this.#refused.has(provider);
    const state = refused ? "refused" : configured ? "configured" : "no key";
    const look = refused ? "bad" : configured ? "good" : "idle";
    return make(
      "li",
      { "data-provider": provider },
      make("span", {}, provider),
      make("span", { class: `badge ${look}` }, state),
    );
  }

  async #try(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      say(this.#status, sentence(error), true);
    }
  }
}
