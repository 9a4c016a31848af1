// What those I follow wrote and reposted.

import { ask } from "../api.js";
import { composer } from "../composer.js";
import { h } from "../dom.js";
import { pagedList } from "../list.js";
import { postCard } from "../post.js";
import { FEED, NEW_IN_FEED } from "../queries.js";
import { me } from "../session.js";
import { logInFirst } from "./login.js";

export function feed({ signal }) {
  if (!me) return logInFirst("Your feed");
  const list = pagedList({
    load: async (after, signal) => (await ask(FEED, { after }, { signal })).page,
    card: postCard,
    empty: [
      h("p", null, "Here you will see what you and the people you follow write."),
      h("p", null, h("a", { class: "button", href: "/" }, "Find people in the latest posts")),
    ],
    live: { query: NEW_IN_FEED },
    signal,
  });
  return {
    title: "Your feed",
    content: [h("h1", null, "Your feed"), composer({ onPosted: list.add, signal }).element, list.element],
  };
}
