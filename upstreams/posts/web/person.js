// People: their picture, their line in a list, and the buttons to follow and to block.

import { ask } from "./api.js";
import { h } from "./dom.js";
import { toastProblem } from "./notices.js";
import { BLOCK, FOLLOW, UNBLOCK, UNFOLLOW } from "./queries.js";
import { me } from "./session.js";

/** A disc with the first letter of the name, in a colour of the name's own. */
export function avatar({ name, displayName }, size) {
  const letter = [...(displayName || name)][0]?.toUpperCase() ?? "?";
  const disc = h("span", { class: `avatar ${size ? `avatar--${size}` : ""}`, "aria-hidden": "true" }, letter);
  disc.style.setProperty("--hue", hue(name));
  return disc;
}

function hue(name) {
  let hash = 0;
  for (const character of name.toLowerCase()) hash = Math.imul(hash ^ character.codePointAt(0), 0x9e3779b1);
  return ((hash >>> 8) * 137) % 360;
}

/** A line in a list of people. */
export function personLine(user) {
  return h(
    "article",
    { class: "card person", "data-id": user.id },
    avatar(user),
    h(
      "div",
      { class: "person__text" },
      h("div", null, h("a", { href: `/@${user.name}` }, user.displayName), " ", followsMe(user)),
      h("div", { class: "quiet small" }, `@${user.name}`),
      user.bio && h("div", { class: "small" }, user.bio),
    ),
    followButton(user),
  );
}

/** A line for somebody of whom only the name is known, with a button to take the block back. */
export function blockedLine({ id, name }) {
  const unblock = h("button", { type: "button", "aria-label": `Unblock @${name}`, onclick: take }, "Unblock");
  const line = h(
    "article",
    { class: "card person", "data-id": id },
    avatar({ name }),
    h("div", { class: "person__text" }, `@${name}`),
    unblock,
  );
  return line;

  async function take() {
    unblock.disabled = true;
    try {
      await setBlocked({ name }, false);
      line.remove();
    } catch (error) {
      unblock.disabled = false;
      toastProblem(error);
    }
  }
}

export function followsMe(user) {
  return user.followsMe && h("span", { class: "badge" }, "follows you");
}

/** Follows or unfollows; nothing for oneself, for visitors and for whom one has blocked. */
export function followButton(user, onChange) {
  if (!me || me.id === user.id || user.isBlocked) return null;
  const button = h("button", { type: "button", onclick: toggle });
  show();
  return button;

  function show() {
    button.className = user.isFollowed ? "" : "primary";
    button.textContent = user.isFollowed ? "Unfollow" : "Follow";
    button.setAttribute("aria-label", `${button.textContent} @${user.name}`);
  }

  async function toggle() {
    button.disabled = true;
    try {
      const answer = await ask(user.isFollowed ? UNFOLLOW : FOLLOW, { name: user.name });
      user = answer.user;
      show();
      onChange?.(user);
    } catch (error) {
      toastProblem(error);
    } finally {
      button.disabled = false;
    }
  }
}

/** Blocks or unblocks, and gives the user as they are then. */
export async function setBlocked(user, isBlocked) {
  return (await ask(isBlocked ? BLOCK : UNBLOCK, { name: user.name })).user;
}
