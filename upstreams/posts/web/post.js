// A post as it is shown everywhere, with what can be done to it.

import { ask } from "./api.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { placeName } from "./map/geo.js";
import { confirmed, toast, toastProblem } from "./notices.js";
import { avatar } from "./person.js";
import { DELETE, LIKE, REPOST, UNDO_REPOST, UNLIKE } from "./queries.js";
import { me } from "./session.js";
import { linked } from "./text.js";
import { ago, inFull } from "./time.js";

/**
 * The card of a post, or of the post that a repost shows again.
 *
 * `isMain` is for the page of the post itself; `onDeleted` is called once it is gone.
 */
export function postCard(post, { isMain = false, onDeleted } = {}) {
  const shown = post.repostOf ?? post;
  const card = h(
    "article",
    {
      class: `post ${isMain ? "post--main" : ""}`,
      "data-id": post.id,
      "data-post": shown.id,
      "aria-label": `Post by ${shown.author.displayName}`,
    },
    post.repostOf && why("repost", post.author, " reposted"),
    !post.repostOf && post.replyTo && !isMain && why("reply", post.replyTo.author, null, post.replyTo.id),
    h("a", { class: "post__avatar", href: `/@${shown.author.name}`, tabindex: "-1", "aria-hidden": "true" }, avatar(shown.author)),
    h(
      "div",
      null,
      h(
        "header",
        { class: "post__head" },
        h("a", { class: "post__author", href: `/@${shown.author.name}` }, shown.author.displayName),
        h("span", { class: "post__name" }, `@${shown.author.name}`),
        h(
          "a",
          { class: "post__time", href: `/post/${shown.id}`, "aria-label": isMain ? null : "Open this post" },
          isMain ? inFull(shown.createdAt) : ago(shown.createdAt),
        ),
      ),
      h("p", { class: "post__text", dir: "auto" }, linked(shown.text)),
      shown.position && placeLink(shown.position),
      h("div", { class: "post__actions" }, replyLink(shown), repostButton(shown), likeButton(shown), deleteButton(shown)),
    ),
  );
  return card;

  function deleteButton(shown) {
    if (me?.id !== shown.author.id) return h("span", { class: "action" });
    const button = h(
      "button",
      { type: "button", class: "action action--delete", "aria-label": "Delete", title: "Delete", onclick: remove },
      icon("delete"),
    );
    return button;

    async function remove() {
      if (!(await confirmed("Delete this post?", "Delete"))) return;
      button.disabled = true;
      try {
        await ask(DELETE, { id: shown.id });
        toast("The post is deleted.");
        for (const other of document.querySelectorAll(`[data-post="${CSS.escape(shown.id)}"]`)) other.remove();
        card.remove();
        onDeleted?.();
      } catch (error) {
        button.disabled = false;
        toastProblem(error);
      }
    }
  }
}

function why(iconName, author, words, postId) {
  return h(
    "div",
    { class: "post__why" },
    icon(iconName),
    postId ? h("span", null, "answers ", h("a", { href: `/post/${postId}` }, `@${author.name}`)) : null,
    words && h("span", null, h("a", { href: `/@${author.name}` }, author.displayName), words),
  );
}

function placeLink({ latitude, longitude }) {
  const near = `lat=${latitude.toFixed(4)}&lng=${longitude.toFixed(4)}&km=10`;
  return h(
    "a",
    { class: "post__place", href: `/search?${near}`, title: "Posts near here" },
    icon("place"),
    placeName({ latitude, longitude }),
  );
}

function replyLink(post) {
  const label = `Reply, ${post.replyCount} so far`;
  return h("a", { class: "button action", href: `/post/${post.id}#reply`, "aria-label": label, title: "Reply" }, icon("reply"), number(post.replyCount));
}

function repostButton(post) {
  return toggle({
    name: "repost",
    label: "Repost",
    isOn: post.isReposted,
    total: post.repostCount,
    change: (isOn) => ask(isOn ? REPOST : UNDO_REPOST, { id: post.id }),
  });
}

function likeButton(post) {
  return toggle({
    name: "like",
    label: "Like",
    isOn: post.isLiked,
    total: post.likeCount,
    change: (isOn) => ask(isOn ? LIKE : UNLIKE, { id: post.id }),
  });
}

/** A button that is on or off: shows the new state at once and takes it back where the server refuses. */
function toggle({ name, label, isOn, total, change }) {
  const button = h("button", { type: "button", class: `action action--${name}`, title: label, onclick: click }, icon(name), number(total));
  show();
  return button;

  function show() {
    button.setAttribute("aria-pressed", String(isOn));
    button.setAttribute("aria-label", `${label}, ${total} so far`);
    button.lastChild.textContent = total === 0 ? "" : total.toLocaleString("en");
  }

  async function click() {
    if (!me) {
      toast(h("a", { href: loginHere() }, "Log in"), ` to ${label.toLowerCase()} posts.`);
      return;
    }
    const before = [isOn, total];
    isOn = !isOn;
    total += isOn ? 1 : -1;
    show();
    button.disabled = true;
    try {
      await change(isOn);
    } catch (error) {
      [isOn, total] = before;
      show();
      toastProblem(error);
    } finally {
      button.disabled = false;
    }
  }
}

/** The address of the log-in page that leads back here. */
export function loginHere() {
  return `/login?then=${encodeURIComponent(location.pathname + location.search)}`;
}

function number(total) {
  return h("span", null, total === 0 ? "" : total.toLocaleString("en"));
}
