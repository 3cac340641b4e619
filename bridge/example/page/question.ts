import { find } from "./dom.js";

/** Asks before money is spent. Resolves with whether it may be. */
export async function mayCost(words: string): Promise<boolean> {
  const dialog = find("confirm", HTMLDialogElement);
  find("confirm-words", HTMLElement).textContent = words;
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
  return dialog.returnValue === "yes";
}
