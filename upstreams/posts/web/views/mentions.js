// Posts that mention me.

import { ask } from "../api.js";
import { h } from "../dom.js";
import { pagedList } from "../list.js";
import { postCard } from "../post.js";
import { MENTIONS } from "../queries.js";
import { me } from "../session.js";
import { logInFirst } from "./login.js";

export function mentions({ signal }) {
  if (!me) return logInFirst("Mentions");
  const list = pagedList({
    load: async (after, signal) => (await ask(MENTIONS, { after }, { signal })).page,
    card: postCard,
    empty: `Nobody has written @${me.name} yet.`,
    signal,
  });
  return { title: "Mentions", content: [h("h1", null, "Mentions"), list.element] };
}
