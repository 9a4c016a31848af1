// An address where there is nothing.

import { h } from "../dom.js";

export function nothing() {
  return notFound("There is no such page", "The address may be mistyped, or what was there is gone.");
}

/** A page that says what is not there. */
export function notFound(title, words) {
  return { title, content: notFoundContent(title, words) };
}

export function notFoundContent(title, words) {
  return [
    h("h1", null, title),
    h("div", { class: "empty" }, h("p", null, words), h("p", null, h("a", { class: "button", href: "/" }, "To the latest posts"))),
  ];
}
