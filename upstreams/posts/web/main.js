// The client from its start: who is logged in, then the page of the address.

import { showNavigation, showTrends } from "./chrome.js";
import { fill, h } from "./dom.js";
import { problem } from "./notices.js";
import { beginRouting } from "./router.js";
import { begin, whenRenamed, whenSessionChanges } from "./session.js";
import { about } from "./views/about.js";
import { feed } from "./views/feed.js";
import { latest } from "./views/latest.js";
import { logInPage, signUpPage } from "./views/login.js";
import { mentions } from "./views/mentions.js";
import { nothing } from "./views/nothing.js";
import { onePost } from "./views/one_post.js";
import { blockedPeople, people } from "./views/people.js";
import { profile } from "./views/profile.js";
import { search } from "./views/search.js";
import { tag } from "./views/tag.js";

const ROUTES = [
  [/^\/$/, latest],
  [/^\/feed$/, feed],
  [/^\/login$/, logInPage],
  [/^\/signup$/, signUpPage],
  [/^\/mentions$/, mentions],
  [/^\/search$/, search],
  [/^\/about$/, about],
  [/^\/tag\/([^/]+)$/, tag],
  [/^\/post\/([^/]+)$/, onePost],
  [/^\/@([^/]+)$/, profile],
  [/^\/@([^/]+)\/(followers|following)$/, people],
  [/^\/blocked$/, blockedPeople],
  [/^/, nothing],
];

async function start() {
  try {
    await begin();
  } catch (error) {
    fill(document.getElementById("main"), problem(error, start));
    return;
  }
  showNavigation();
  whenSessionChanges(showNavigation);
  whenRenamed(showNavigation);
  showTrends();
  beginRouting(ROUTES, (view) => {
    document.querySelector(".shell").toggleAttribute("data-wide", Boolean(view.isWide));
    showNavigation();
  });
}

start();
