// Somebody: their profile and posts.

import { ask } from "../api.js";
import { count, field, fill, h } from "../dom.js";
import { pagedList } from "../list.js";
import { confirmed, problem, showIn, toastProblem } from "../notices.js";
import { avatar, followButton, followsMe, setBlocked } from "../person.js";
import { postCard } from "../post.js";
import { POSTS_OF, PROFILE, UPDATE_PROFILE } from "../queries.js";
import { me, renamed } from "../session.js";
import { reload } from "../router.js";
import { month } from "../time.js";
import { notFoundContent } from "./nothing.js";

export function profile({ params: [name], signal }) {
  const content = h("div", { class: "list" });
  load();
  return { title: `@${name}`, content };

  async function load() {
    fill(content, h("h1", null, `@${name}`), h("p", { class: "quiet" }, "Loading …"));
    try {
      const { user } = await ask(PROFILE, { name }, { signal });
      if (!user) fill(content, notFoundContent(`There is no @${name}`, "Nobody has this name, or one of you has blocked the other."));
      else show(user);
    } catch (error) {
      if (!signal.aborted) fill(content, h("h1", null, `@${name}`), problem(error, load));
    }
  }

  function show(user) {
    const head = h("div");
    fill(head, card(user));
    const posts = pagedList({
      load: async (after, signal) => (await ask(POSTS_OF, { name, after }, { signal })).user?.page,
      card: postCard,
      empty: "No posts yet.",
      signal,
    });
    fill(content, head, h("h2", null, "Posts"), posts.element);

    function card(user) {
      return h(
        "section",
        { class: "card", "aria-label": "Profile" },
        h(
          "div",
          { class: "profile__top" },
          avatar(user, "large"),
          h(
            "div",
            { class: "profile__names" },
            h("h1", null, user.displayName),
            h("p", { class: "quiet" }, `@${user.name} `, followsMe(user)),
          ),
          h("div", { class: "buttons" }, buttons(user)),
        ),
        user.bio && h("p", { class: "profile__bio", dir: "auto" }, user.bio),
        facts(user),
      );
    }

    function buttons(user) {
      if (!me) return [];
      if (me.id === user.id) {
        return [h("button", { type: "button", onclick: () => edit(user, (changed) => fill(head, card(changed))) }, "Edit profile")];
      }
      const block = h(
        "button",
        { type: "button", class: user.isBlocked ? "" : "plain", onclick: toggleBlock },
        user.isBlocked ? "Unblock" : "Block",
      );
      return [followButton(user, (changed) => fill(head, card(changed))), block];

      async function toggleBlock() {
        const question = `Block @${user.name}? Neither of you will see the other any more.`;
        if (!user.isBlocked && !(await confirmed(question, "Block"))) return;
        try {
          const changed = await setBlocked(user, !user.isBlocked);
          if (changed.isBlocked) {
            fill(head, card({ ...user, isBlocked: true, isFollowed: false }));
            fill(content, head, h("div", { class: "empty" }, "Neither of you sees the other any more."));
          } else reload();
        } catch (error) {
          toastProblem(error);
        }
      }
    }
  }
}

function facts(user) {
  const fact = (number, words, href) => {
    const parts = [h("strong", null, number.toLocaleString("en")), ` ${words}`];
    return h("span", null, href ? h("a", { href }, ...parts) : parts);
  };
  const word = (number, one, many) => count(number, one, many).replace(/^\S+ /, "");
  return h(
    "div",
    { class: "profile__facts" },
    fact(user.postCount, word(user.postCount, "post")),
    fact(user.followerCount, word(user.followerCount, "follower"), `/@${user.name}/followers`),
    fact(user.followingCount, "following", `/@${user.name}/following`),
    h("span", null, `since ${month(user.createdAt)}`),
    me?.id === user.id && h("a", { href: "/blocked" }, "Blocked people"),
  );
}

function edit(user, onChanged) {
  const displayName = h("input", { name: "displayName", value: user.displayName });
  const bio = h("textarea", { name: "bio", rows: "3" });
  bio.value = user.bio;
  const fault = h("div");
  const dialog = h(
    "dialog",
    { "aria-label": "Edit profile", onclose: () => dialog.remove() },
    h(
      "form",
      { class: "stack", onsubmit: save },
      h("h2", null, "Edit profile"),
      field("Shown as", displayName),
      field("About you", bio),
      fault,
      h(
        "div",
        { class: "buttons" },
        h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
        h("button", { class: "primary" }, "Save"),
      ),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();

  async function save(event) {
    event.preventDefault();
    showIn(fault, null);
    try {
      const answer = await ask(UPDATE_PROFILE, { displayName: displayName.value, bio: bio.value });
      dialog.close();
      onChanged(answer.user);
      renamed(answer.user);
    } catch (error) {
      showIn(fault, error);
    }
  }
}
