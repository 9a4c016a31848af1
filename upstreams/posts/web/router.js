// Addresses and what is shown for them, without loading the page anew.
//
// A view is kept for a while after it was left, so that going back finds it as it was: lists with all their
// pages, scrolled to where they were. Logging in or out forgets them all.

import { fill } from "./dom.js";
import { whenSessionChanges, whenSessionIsLost } from "./session.js";

const KEPT_VIEWS = 10;

/** The views by the number that their entry in the history has, the one used last at the end. */
const kept = new Map();
let routes = [];
let current = null;
let lastKey = Date.now();

/**
 * Shows what the address says, now and whenever it changes.
 *
 * A route is a pattern and a function that gets `{ params, query, signal }` and gives a view: `title`,
 * `content` and maybe `isWide`, `hasTrends`. `onShow` is told of every view.
 */
export function beginRouting(allRoutes, onShow) {
  routes = allRoutes;
  history.scrollRestoration = "manual";
  addEventListener("popstate", () => show(onShow));
  document.addEventListener("click", (event) => {
    const url = followed(event);
    if (!url) return;
    event.preventDefault();
    go(url);
  });
  whenSessionChanges(forgetAll);
  // Who logs in or out goes somewhere afterwards; here the page that was forgotten is still shown.
  whenSessionIsLost(reload);
  beginRouting.onShow = onShow;
  show(onShow, true);
}

/** Goes to an address of ours; `replace` leaves no way back to where we were. */
export function go(url, { replace = false } = {}) {
  remember();
  const state = { key: (lastKey += 1) };
  if (replace) history.replaceState(state, "", url);
  else history.pushState(state, "", url);
  show(beginRouting.onShow);
}

/** Writes another address over the one we are at, and shows nothing else for it. */
export function rewrite(url) {
  history.replaceState(history.state, "", url);
}

/** Shows the page again from the beginning. */
export function reload() {
  forget(history.state?.key);
  show(beginRouting.onShow);
}

function show(onShow, isFirst = false) {
  if (current && current.key !== history.state?.key) remember();
  if (!history.state?.key) history.replaceState({ key: (lastKey += 1) }, "");
  const { key } = history.state;
  current = kept.get(key) ?? made(key);
  kept.delete(key);
  kept.set(key, current);
  if (kept.size > KEPT_VIEWS) forget(kept.keys().next().value);

  const { view, scroll } = current;
  document.title = `${view.title} – Herd posts`;
  fill(document.getElementById("main"), view.content);
  onShow(view);
  scrollTo(0, scroll);
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target) target.focus();
  else if (!isFirst) heading()?.focus({ preventScroll: true });
}

function made(key) {
  const ending = new AbortController();
  const url = new URL(location.href);
  for (const [pattern, view] of routes) {
    const match = url.pathname.match(pattern);
    if (!match) continue;
    const params = match.slice(1).map(decoded);
    return { key, ending, scroll: 0, view: view({ params, query: url.searchParams, signal: ending.signal }) };
  }
  throw new Error("the last route takes every address");
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function remember() {
  if (current) current.scroll = scrollY;
}

function forget(key) {
  kept.get(key)?.ending.abort();
  kept.delete(key);
}

function forgetAll() {
  for (const key of [...kept.keys()]) forget(key);
  current = null;
}

/** Where a click leads, if that is a page of this client in this window. */
function followed(event) {
  if (event.defaultPrevented || event.button !== 0) return null;
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return null;
  const link = event.target.closest?.("a[href]");
  if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return null;
  const isSamePage = link.pathname === location.pathname && link.search === location.search;
  if (isSamePage && link.hash) return null;
  const isElsewhere = /^\/(?:web|graphql|map)(?:\/|$)/.test(link.pathname);
  return isElsewhere ? null : link.href;
}

/** What the page is called; focus goes there when it changes, so that it is read out. */
function heading() {
  const title = document.querySelector("main h1");
  title?.setAttribute("tabindex", "-1");
  return title;
}
