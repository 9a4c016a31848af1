// What anybody wrote, for visitors too.

import { ask } from "../api.js";
import { composer } from "../composer.js";
import { h } from "../dom.js";
import { pagedList } from "../list.js";
import { postCard } from "../post.js";
import { LATEST, NEW_POSTS } from "../queries.js";
import { me } from "../session.js";

export function latest({ signal }) {
  const list = pagedList({
    load: async (after, signal) => (await ask(LATEST, { after }, { signal })).page,
    card: postCard,
    empty: "Nobody has written anything yet.",
    live: { query: NEW_POSTS, variables: { tag: null } },
    signal,
  });
  return {
    title: "Latest posts",
    content: [
      h("h1", null, "Latest posts"),
      me ? composer({ onPosted: list.add, signal }).element : welcome(),
      list.element,
    ],
  };
}

function welcome() {
  return h(
    "section",
    { class: "notice" },
    h("h2", null, "Posts with a place on the map"),
    h("p", null, "Read along, search around any point of the world, or join in: a name and a password are enough."),
    h(
      "div",
      { class: "buttons" },
      h("a", { class: "button primary", href: "/signup" }, "Sign up"),
      h("a", { class: "button", href: "/search" }, "Search the map"),
    ),
  );
}
