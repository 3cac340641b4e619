type Child = Node | string;

/** Makes an element. Texts become text nodes, so that nothing that a model says is ever read as HTML. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string | boolean>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** The element of the page with this id. Throws when there is none of that kind. */
export function find<T extends HTMLElement>(id: string, kind: new () => T): T {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`The page has no ${id}.`);
  return element;
}

export function onSubmit(form: HTMLFormElement, submit: () => Promise<void>): void {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void submit();
  });
}

/** Shows a sentence; one about a failure stands out. */
export function say(place: HTMLElement, text: string, failed = false): void {
  place.textContent = text;
  place.classList.toggle("error", failed);
}

/** Between what a cost lies that is not known; without `costAtMostUSD` nobody knows what it is at most. */
export interface Bounds {
  costAtLeastUSD?: number;
  costAtMostUSD?: number;
}

export function showUSD(amount: number | undefined, bounds: Bounds = {}): string {
  if (amount !== undefined) return dollars(amount);
  const { costAtLeastUSD: least = 0, costAtMostUSD: most } = bounds;
  if (most !== undefined) return `${dollars(least)} to ${dollars(most)}`;
  return least > 0 ? `${dollars(least)} or more` : "cost not known";
}

function dollars(amount: number): string {
  return `$${amount.toFixed(6)}`;
}
