import type { SidecarClient } from "./client.js";
import type { AllKeys } from "./contract.js";
import { mask } from "./mask.js";
import { KEY_PROVIDERS, type KeyProvider } from "./providers.js";

export interface MoveKeysOptions {
  /** The key in the old app's store: `(provider) => store.get("apiKeys." + provider)`. */
  read: (provider: KeyProvider) => unknown;
  /** Takes it out of there: `(provider) => store.delete("apiKeys." + provider)`. */
  remove: (provider: KeyProvider) => unknown;
  client: Pick<SidecarClient, "call" | "start">;
}

/**
 * What became of a provider's key. `absent`: there was none. `moved`: it is in the keychain, and in the old store no more.
 * `kept`: it is still in the old store, and `reason` says why; nothing is lost, and the next start tries again.
 */
export type KeyMove =
  | { provider: KeyProvider; outcome: "absent" | "moved" }
  | { provider: KeyProvider; outcome: "kept"; reason: string };

/**
 * Moves the keys of the old app's store to the system's keychain: each is saved, read back, and only then removed.
 * What is moved is gone from the old store, so that calling it at every start does the work once. Never rejects for
 * one key's sake, and no key is in what it returns or throws. Rejects when there is no sidecar to save them.
 */
export async function moveKeys({ read, remove, client }: MoveKeysOptions): Promise<KeyMove[]> {
  const { mock } = await client.start();
  const moves: KeyMove[] = [];
  for (const provider of KEY_PROVIDERS) {
    try {
      const old: unknown = await read(provider);
      const key = typeof old === "string" ? old.trim() : "";
      if (key === "") {
        moves.push({ provider, outcome: "absent" });
        continue;
      }
      // A simulated sidecar forgets its keys when it ends.
      if (mock) throw new Kept("The back end is simulated and keeps no keys. Start it without simulation to have them moved.");
      await save(client, provider, key);
      await remove(provider);
      moves.push({ provider, outcome: "moved" });
    } catch (error) {
      moves.push({ provider, outcome: "kept", reason: reasonOf(error) });
    }
  }
  return moves;
}

/** Throws unless the key can be read back. A key that the person has saved since is never overwritten. */
async function save(client: Pick<SidecarClient, "call">, provider: KeyProvider, key: string): Promise<void> {
  const masked = mask(key);
  if (masked === mask("")) throw new Kept("The key is too short to be recognised when it is read back. Save it in the settings.");
  const load = (): Promise<unknown> => client.call("settings:load", { key: "apiKey", provider });
  const before = await load();
  if (before !== null && before !== masked) throw new Kept("Another key is saved already, and stays. Remove the old one where it is kept.");
  await client.call("settings:save", { key: "apiKey", provider, value: key });
  if ((await load()) !== masked) throw new Kept("The key that was saved does not read back as it was. Save it in the settings.");
  const all = (await client.call("settings:load", { key: "allKeys" })) as Partial<AllKeys> | null;
  if (all?.[provider]?.configured !== true) throw new Kept("The saved key does not count as configured. Save it in the settings.");
}

class Kept extends Error {}

// What the store or the sidecar says may quote the key; only our own sentences and the error's kind are repeated.
function reasonOf(error: unknown): string {
  if (error instanceof Kept) return error.message;
  const kind = (error as { kind?: unknown } | null)?.kind;
  return typeof kind === "string"
    ? `The back end could not save it: ${kind}. Save it in the settings.`
    : "The old store could not be used. Paste the key in the settings.";
}
