/** A model's Markdown as elements. What a model says is never trusted: scripts, styles and forms are taken out. */
import DOMPurify from "dompurify";
import { marked } from "marked";

const FORBIDDEN = { FORBID_TAGS: ["style", "form", "input", "button", "img"], FORBID_ATTR: ["style", "id"] };

export function showMarkdown(place: HTMLElement, text: string): void {
  const html = marked.parse(text, { async: false, breaks: true });
  place.replaceChildren(DOMPurify.sanitize(html, { ...FORBIDDEN, RETURN_DOM_FRAGMENT: true }));
}
