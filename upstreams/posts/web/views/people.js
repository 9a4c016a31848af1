// Lists of people: who follows somebody, whom they follow, whom I have blocked.

import { ask } from "../api.js";
import { h } from "../dom.js";
import { pagedList } from "../list.js";
import { blockedLine, personLine } from "../person.js";
import { BLOCKED, FOLLOWERS, FOLLOWING } from "../queries.js";
import { me } from "../session.js";
import { logInFirst } from "./login.js";

/** Who follows somebody, or whom they follow. */
export function people({ params: [name, which], signal }) {
  const isFollowers = which === "followers";
  const tab = (which, words, isHere) =>
    h("a", { href: `/@${name}/${which}`, "aria-current": isHere ? "page" : null }, words);
  const list = pagedList({
    load: async (after, signal) =>
      (await ask(isFollowers ? FOLLOWERS : FOLLOWING, { name, after }, { signal })).user?.page,
    card: personLine,
    empty: isFollowers ? `Nobody follows @${name} yet.` : `@${name} follows nobody yet.`,
    signal,
  });
  return {
    title: `@${name}: ${which}`,
    content: [
      h("h1", null, h("a", { href: `/@${name}` }, `@${name}`)),
      h(
        "nav",
        { class: "tabs", "aria-label": "Followers and following" },
        tab("followers", "Followers", isFollowers),
        tab("following", "Following", !isFollowers),
      ),
      list.element,
    ],
  };
}

/** Whom I have blocked: their profiles are hidden from me, so only here a block can be taken back. */
export function blockedPeople({ signal }) {
  if (!me) return logInFirst("Blocked people");
  const list = pagedList({
    load: async (after, signal) => (await ask(BLOCKED, { after }, { signal })).page,
    card: blockedLine,
    empty: "You have blocked nobody.",
    signal,
  });
  return { title: "Blocked people", content: [h("h1", null, "Blocked people"), list.element] };
}
