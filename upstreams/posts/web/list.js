// A list that grows: page by page at its end, and by what is written meanwhile at its beginning.

import { subscribe } from "./live.js";
import { count, fill, h } from "./dom.js";
import { problem } from "./notices.js";

/**
 * A list of what `load(after)` gives: a connection with `nodes` and `pageInfo`, or null for nothing.
 *
 * `card(node)` makes an element; `empty` is shown where there is none. `live`, if given, is what to
 * subscribe to (`query`, `variables`): what comes is kept behind a button until it is asked for.
 * `onLoad` is told of each page, and whether there are more.
 */
export function pagedList({ load, card, empty, signal, live, onLoad }) {
  const items = h("div", { class: "list" });
  const end = h("div", { class: "list__end" });
  const newBar = h("button", { type: "button", class: "list__new primary", hidden: true, onclick: showNew });
  const stopped = h("p", { class: "list__stopped small", hidden: true }, "New posts do not show by themselves at the moment. They will when the connection is back.");
  const element = h("div", null, h("div", { class: "list__news", "aria-live": "polite" }, stopped, newBar), items, end);
  const known = new Set();
  let waiting = [];
  let after = null;
  let isLoading = false;

  const nearEnd = new IntersectionObserver(
    (entries) => entries.some((entry) => entry.isIntersecting) && more(),
    { rootMargin: "600px" },
  );
  signal.addEventListener("abort", () => nearEnd.disconnect());
  if (live) subscribe(live.query, live.variables ?? {}, {
    next: ({ post }) => arrived([post]),
    resumed: catchUp,
    stopped: (isStopped) => (stopped.hidden = !isStopped),
    signal,
  });
  more();

  async function more() {
    if (isLoading) return;
    isLoading = true;
    nearEnd.disconnect();
    items.setAttribute("aria-busy", "true");
    fill(end, h("p", null, "Loading …"));
    try {
      const page = await load(after, signal);
      show(page ?? { nodes: [], pageInfo: { hasNextPage: false } });
    } catch (error) {
      if (!signal.aborted) fill(end, problem(error, more));
    } finally {
      isLoading = false;
      items.removeAttribute("aria-busy");
    }
  }

  function show(page) {
    items.append(...page.nodes.filter(isNew).map(card));
    after = page.pageInfo.endCursor;
    onLoad?.(page.nodes, page.pageInfo.hasNextPage);
    if (page.pageInfo.hasNextPage) {
      fill(end, h("button", { type: "button", onclick: more }, "Show more"));
      // A search that found nothing so far goes on when it is told to.
      if (page.nodes.length > 0) nearEnd.observe(end);
    } else {
      fill(end, items.childElementCount === 0 && waiting.length === 0 && h("div", { class: "empty wide" }, empty));
    }
  }

  function isNew({ id }) {
    return !known.has(id) && known.add(id);
  }

  function arrived(nodes) {
    waiting.unshift(...nodes.filter(isNew));
    newBar.hidden = waiting.length === 0;
    newBar.textContent = `Show ${count(waiting.length, "new post")}`;
  }

  function showNew() {
    const cards = waiting.map(card);
    waiting = [];
    newBar.hidden = true;
    items.prepend(...cards);
    if (!after) fill(end);
    cards[0]?.querySelector("a")?.focus();
  }

  /** What was written while the connection was away; a gap of more than a page stays one. */
  async function catchUp() {
    try {
      arrived((await load(null, signal))?.nodes ?? []);
    } catch {
      // The connection says again when it is back.
    }
  }

  /** Shows something of our own at once, at the beginning or the end. */
  function add(node, where = "prepend") {
    waiting = waiting.filter(({ id }) => id !== node.id);
    newBar.hidden = waiting.length === 0;
    if (!isNew(node) && items.querySelector(`[data-id="${CSS.escape(node.id)}"]`)) return;
    items[where](card(node));
    if (end.querySelector(".empty")) fill(end);
  }

  return { element, add };
}
