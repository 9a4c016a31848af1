// Posts by words, near a point, or both.

import { ask } from "../api.js";
import { count, fill, freshId, h } from "../dom.js";
import { pagedList } from "../list.js";
import { placeFields } from "../place_fields.js";
import { postCard } from "../post.js";
import { SEARCH } from "../queries.js";
import { rewrite } from "../router.js";

/** The slider has 100 steps from 1 km to 1000 km, each the same factor. */
const RADIUS_STEPS = 100;
const MAX_RADIUS_KM = 1000;
const FIRST_RADIUS_KM = 50;

/** A circle that is drawn smaller than this is not seen. */
const MIN_CIRCLE_PIXELS = 24;

/** Where the results are below the map and not beside it. */
const isNarrow = matchMedia("(max-width: 940px)");

export function search({ query, signal }) {
  const words = h("input", { id: freshId("words"), name: "q", type: "search", value: query.get("q") ?? "", placeholder: "#hashtag, from:name, \"a phrase\"", autocomplete: "off" });
  const slider = h("input", { id: freshId("radius"), name: "radius", type: "range", min: "0", max: String(RADIUS_STEPS), oninput: slid, onchange: run });
  const shownRadius = h("output", { for: slider.id });
  const results = h("div");
  const number = h("p", { class: "search__count", role: "status" });
  const found = h("section", { class: "search__found", tabindex: "-1", "aria-label": "Results" }, number, results);
  let near = pointOf(query);
  let radiusKm = radiusOf(query);
  let ending = null;
  // What the address asks for comes into sight as what is typed does.
  let isOpening = Boolean(near || words.value);
  let dots = [];

  const place = placeFields({
    label: "Where to search",
    point: near,
    height: "high",
    onChange: (point) => {
      near = point;
      showRadius();
      const circle = near && { ...near, radiusKm };
      if (circle && place.map.pixelsOf(circle) < MIN_CIRCLE_PIXELS) place.map.showCircle(circle);
      run();
      if (near) showResults();
    },
    signal,
  });
  place.map.onDot = pick;
  slider.value = String(Math.round((Math.log(radiusKm) / Math.log(MAX_RADIUS_KM)) * RADIUS_STEPS));

  const form = h(
    "form",
    { class: "search__what", role: "search", onsubmit: submit },
    h("label", { class: "hidden", for: words.id }, "Words to search for"),
    words,
    h("button", { class: "primary" }, "Search"),
  );
  const where = h(
    "section",
    { class: "card search__where", "aria-label": "Near a point" },
    h("h2", null, "Near a point"),
    h("p", { class: "quiet small" }, "Click the map to search around a point; drag to move it, scroll or pinch to zoom."),
    place.element,
    h("div", { class: "field" }, h("div", { class: "radius" }, h("label", { for: slider.id, class: "small" }, "Radius"), shownRadius), slider),
  );
  signal.addEventListener("abort", () => ending?.abort());
  showRadius();
  if (near) place.map.showCircle({ ...near, radiusKm });
  run();
  return {
    title: "Search",
    isWide: true,
    content: [h("h1", null, "Search"), h("div", { class: "search" }, form, where, found)],
  };

  function submit(event) {
    event.preventDefault();
    words.blur();
    run();
    showResults();
  }

  /** On a phone the results are below the map: there they come into sight with their number. */
  function showResults() {
    if (isNarrow.matches) found.scrollIntoView({ block: "start", behavior: "instant" });
  }

  function slid() {
    const exact = MAX_RADIUS_KM ** (Number(slider.value) / RADIUS_STEPS);
    radiusKm = exact < 10 ? Math.round(exact * 10) / 10 : Math.round(exact);
    showRadius();
    if (near) place.map.showCircle({ ...near, radiusKm });
  }

  function showRadius() {
    shownRadius.textContent = `${radiusKm.toLocaleString("en")} km`;
    slider.setAttribute("aria-valuetext", shownRadius.textContent);
    slider.disabled = !near;
    place.map.setCircle(near && { ...near, radiusKm });
  }

  function run() {
    ending?.abort();
    ending = new AbortController();
    dots = [];
    let seen = 0;
    place.map.setDots(dots);
    const text = words.value.trim();
    rewrite(address(text, near, radiusKm));
    fill(number);
    if (text === "" && !near) {
      fill(results, h("div", { class: "empty" }, h("p", null, "Type words, or click a point on the map."), help()));
      return;
    }
    const circle = near && { ...near, radiusKm };
    const list = pagedList({
      load: async (after, signal) => (await ask(SEARCH, { query: text, near: circle, after }, { signal })).page,
      card: resultCard,
      empty: near ? "No posts like that here. Try a larger radius." : "No posts like that.",
      onLoad: (posts, hasMore) => {
        addDots(posts);
        if (isOpening) showResults();
        isOpening = false;
        seen += posts.length;
        fill(number, hasMore ? `${seen.toLocaleString("en")} posts and more` : count(seen, "post"));
      },
      signal: ending.signal,
    });
    fill(results, list.element);
  }

  /** Pointing at a result shows which dot it is. */
  function resultCard(post) {
    const card = postCard(post);
    const shown = (post.repostOf ?? post).id;
    card.addEventListener("pointerenter", () => place.map.choose(shown));
    card.addEventListener("pointerleave", () => place.map.choose(null));
    card.addEventListener("focusin", () => place.map.choose(shown));
    return card;
  }

  function addDots(posts) {
    const found = posts.map((post) => post.repostOf ?? post).filter(({ position }) => position);
    dots = dots.concat(found.map(({ id, position }) => ({ id, ...position })));
    place.map.setDots(dots);
  }

  /** Pointing at a dot shows which result it is. */
  function pick(id) {
    place.map.choose(id);
    for (const card of results.querySelectorAll(".post")) {
      card.classList.toggle("post--marked", card.dataset.post === id);
      if (card.dataset.post === id) card.scrollIntoView({ block: "nearest", behavior: "smooth" });
    }
  }
}

function help() {
  const line = (example, words) => h("p", { class: "small" }, h("code", null, example), ` ${words}`);
  return h(
    "div",
    null,
    line('"good morning"', "a phrase"),
    line("#kiwi", "a hashtag"),
    line("from:ann", "what somebody wrote"),
    line("@ann", "who is mentioned"),
    line("sun OR rain", "either"),
    line("-rain", "not this"),
  );
}

function pointOf(query) {
  const [latitude, longitude] = [query.get("lat"), query.get("lng")].map((text) => (text ? Number(text) : NaN));
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 ? { latitude, longitude } : null;
}

function radiusOf(query) {
  const km = Number(query.get("km"));
  return km >= 1 && km <= MAX_RADIUS_KM ? km : FIRST_RADIUS_KM;
}

function address(text, near, radiusKm) {
  const query = new URLSearchParams();
  if (text) query.set("q", text);
  if (near) {
    query.set("lat", near.latitude);
    query.set("lng", near.longitude);
    query.set("km", radiusKm);
  }
  return query.size > 0 ? `/search?${query}` : "/search";
}
