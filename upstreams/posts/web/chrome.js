// What stands around every page: the navigation, who is logged in, what trends.

import { ask } from "./api.js";
import { count, fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { toastProblem } from "./notices.js";
import { avatar } from "./person.js";
import { TRENDING } from "./queries.js";
import { go } from "./router.js";
import { logOut, me } from "./session.js";

/** Draws the navigation for who is logged in and where we are. */
export function showNavigation() {
  const links = [
    ["/", "latest", "Latest"],
    me && ["/feed", "feed", "Feed"],
    ["/search", "search", "Search"],
    me && ["/mentions", "mentions", "Mentions"],
    me && [`/@${me.name}`, "profile", "Profile"],
    ["/about", "about", "About"],
  ].filter(Boolean);
  const line = ([href, name, label]) => {
    const isHere = location.pathname.toLowerCase() === href.toLowerCase();
    return h("a", { href, "aria-current": isHere ? "page" : null }, icon(name), h("span", null, label));
  };
  fill(document.getElementById("nav"), h("div", { class: "nav" }, links.map(line)));
  fill(document.getElementById("account"), me ? whoIsHere() : visitor());
}

function whoIsHere() {
  return [
    h(
      "a",
      { class: "account__who", href: `/@${me.name}`, "aria-label": `Your profile, @${me.name}` },
      avatar(me, "small"),
      h("div", null, h("strong", null, me.displayName), h("br"), h("span", { class: "quiet small" }, `@${me.name}`)),
    ),
    h("button", { type: "button", class: "button", id: "log-out", onclick: leave }, "Log out"),
  ];
}

function visitor() {
  return [
    h("a", { class: "button primary", href: "/login" }, "Log in"),
    h("a", { class: "button", href: "/signup" }, "Sign up"),
  ];
}

async function leave() {
  try {
    await logOut();
    go("/");
  } catch (error) {
    toastProblem(error);
  }
}

/** Draws what trends beside the page. */
export async function showTrends() {
  try {
    fill(document.getElementById("aside"), trends((await ask(TRENDING)).trending));
  } catch {
    // The page itself says what is wrong.
    fill(document.getElementById("aside"));
  }
}

function trends(tags) {
  const line = ({ tag, postCount, userCount }) =>
    h(
      "li",
      { class: "trend" },
      h("a", { href: `/tag/${encodeURIComponent(tag)}` }, `#${tag}`),
      h("span", { class: "quiet small", title: `${count(postCount, "post")} by ${count(userCount, "person", "people")}` }, count(postCount, "post")),
    );
  return h(
    "section",
    { class: "card trends" },
    h("h2", null, "Trending"),
    tags.length > 0 ? h("ol", null, tags.map(line)) : h("p", { class: "quiet small" }, "No hashtags in the last day."),
  );
}
