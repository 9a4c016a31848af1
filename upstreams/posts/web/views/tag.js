// The posts with a hashtag.

import { ask } from "../api.js";
import { h } from "../dom.js";
import { pagedList } from "../list.js";
import { postCard } from "../post.js";
import { NEW_POSTS, TAGGED } from "../queries.js";

export function tag({ params: [tag], signal }) {
  const list = pagedList({
    load: async (after, signal) => (await ask(TAGGED, { tag, after }, { signal })).page,
    card: postCard,
    empty: `No posts with #${tag} yet.`,
    live: { query: NEW_POSTS, variables: { tag } },
    signal,
  });
  return { title: `#${tag}`, content: [h("h1", null, `#${tag}`), list.element] };
}
