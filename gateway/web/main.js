// The page: the map, a search, who is chosen, and all who are seen as a list.

import { count, fill, h } from "/web/dom.js";
import { Feed } from "./feed.js";
import { LiveMap } from "./live_map.js";
import { now } from "./points.js";

/** So many are in the list; it is for reading, not for counting. */
const MAX_LISTED = 100;
const LIST_PAUSE_MS = 500;

const [state, query, chosen, list, rest] = ["state", "query", "chosen", "list", "rest"].map((id) =>
  document.getElementById(id),
);

const map = new LiveMap({
  signal: new AbortController().signal,
  onView: (box) => feed.show(box),
  onChoose: choose,
});
map.onLoose = () => follow(null);

const feed = new Feed({
  onStart: () => {
    map.points.clear();
    showList();
  },
  onPoint: (id, latitude, longitude, age) => {
    map.put(id, latitude, longitude, age);
    if (id === map.chosenId) showChosen();
    showList();
  },
  onGone: (id) => {
    map.remove(id);
    showList();
  },
  onState: ({ clients, sent, more }) => {
    const shown = more ? `the first ${sent.toLocaleString("en")} of more here` : `${sent.toLocaleString("en")} here`;
    say(`${count(clients, "client")}, ${shown}`);
  },
  onEnd: () => say("Not connected: trying again"),
});

document.getElementById("map").append(map.element);
setInterval(() => {
  showList();
  showAge();
}, 1000);

document.getElementById("search").addEventListener("submit", async (event) => {
  event.preventDefault();
  const id = query.value.trim();
  if (!id) return;
  const found = await find(id);
  if (!found) return say(`The herd knows no ${id}`);
  choose(found.client, found);
  map.showPoint({ latitude: found.lat, longitude: found.lon }, 9);
});
query.addEventListener("input", showList);

/** Says something once, for those who hear the page too. */
function say(text) {
  if (state.textContent !== text) state.textContent = text;
}

/** What the gateway knows of a client. */
async function find(id) {
  const path = id.split("/").map(encodeURIComponent).join("/");
  const response = await fetch(`/v1/clients/${path}`).catch(() => null);
  return response?.ok ? response.json() : null;
}

let details = null;

function choose(id, found = null) {
  map.choosePoint(id);
  details = found;
  if (map.followed && map.followed !== id) follow(null);
  showChosen();
  showList();
}

function follow(id) {
  map.follow(id);
  showAll();
}

let asking = null;

/** Asks for what the map is not told, at most twice a second. */
function showChosen() {
  if (asking) return;
  const id = map.chosenId;
  showAll();
  if (!id) return;
  asking = setTimeout(async () => {
    const found = await find(id);
    asking = null;
    if (map.chosenId !== id) return showChosen();
    details = found ?? details;
    showAll();
  }, details ? 500 : 0);
}

function showAll() {
  const id = map.chosenId;
  chosen.hidden = !id;
  map.setCircle(null);
  if (!id) return;
  const isFollowed = map.followed === id;
  const facts = details ? factsOf(details) : [];
  if (details?.accuracy_m > 1) {
    map.setCircle({ latitude: details.lat, longitude: details.lon, radiusKm: details.accuracy_m / 1000 });
  }
  fill(
    chosen,
    h("h2", {}, id),
    h(
      "dl",
      {},
      facts.flatMap(([name, value, key]) => [h("dt", {}, name), h("dd", { "data-fact": key ?? false }, value)]),
    ),
    h(
      "div",
      { class: "actions" },
      h(
        "button",
        { type: "button", "aria-pressed": String(isFollowed), onclick: () => follow(isFollowed ? null : id) },
        "Follow",
      ),
      h("button", { type: "button", onclick: () => details && show(details) }, "Show"),
      h("button", { type: "button", onclick: () => choose(null) }, "Close"),
    ),
  );
}

function show({ lat, lon }) {
  map.showPoint({ latitude: lat, longitude: lon }, 9);
}

function factsOf(found) {
  const facts = [
    ["Place", `${found.lat}, ${found.lon}`, "place"],
    ["Reported", ago(Date.now() / 1000 - found.time), "age"],
    ["Server", found.server, "server"],
  ];
  const more = [
    ["Accuracy", found.accuracy_m, "m"],
    ["Altitude", found.altitude_m, "m"],
    ["Speed", found.speed_mps === undefined ? undefined : found.speed_mps * 3.6, "km/h"],
    ["Course", found.course_deg, "°"],
    ["Battery", found.battery_percent, "%"],
  ];
  for (const [name, value, unit] of more) {
    if (value !== undefined) facts.push([name, `${Math.round(value)} ${unit}`]);
  }
  return facts;
}

function showAge() {
  const age = chosen.querySelector("[data-fact=age]");
  if (age && details) age.textContent = ago(Date.now() / 1000 - details.time);
}

let listing = null;

/** The list follows the map, a little behind. */
function showList() {
  listing ??= setTimeout(() => {
    listing = null;
    listNow();
  }, LIST_PAUSE_MS);
}

function listNow() {
  const wanted = query.value.trim().toLowerCase();
  const { points } = map;
  const all = wanted ? points.ids.filter((id) => id.toLowerCase().includes(wanted)) : [...points.ids];
  all.sort();
  const time = now();
  const items = list.querySelector("ul");
  const shown = all.slice(0, MAX_LISTED);
  // Elements stay, so that neither the focus nor the place in the list is lost.
  while (items.children.length > shown.length) items.lastChild.remove();
  shown.forEach((id, at) => {
    let item = items.children[at];
    if (!item) {
      item = h("li", {}, h("button", { type: "button" }, h("span", { class: "id" }), h("span", { class: "age" })));
      item.firstChild.addEventListener("click", () => {
        choose(item.dataset.id);
        const { latitude, longitude } = map.pointOf(item.dataset.id) ?? {};
        if (latitude !== undefined) map.showPoint({ latitude, longitude }, map.view.zoom);
      });
      items.append(item);
    }
    item.dataset.id = id;
    const [name, age] = item.firstChild.children;
    if (name.textContent !== id) name.textContent = id;
    age.textContent = ago(points.age(id, time));
    if (id === map.chosenId) item.firstChild.setAttribute("aria-current", "true");
    else item.firstChild.removeAttribute("aria-current");
  });
  const others = all.length - shown.length;
  rest.textContent = others > 0 ? `and ${count(others, "other")}` : shown.length === 0 ? "Nobody is in this part of the map." : "";
}

/** "5 s ago". */
function ago(seconds) {
  const age = Math.max(0, seconds);
  if (age < 100) return `${Math.round(age)} s ago`;
  if (age < 6000) return `${Math.round(age / 60)} min ago`;
  if (age < 172_800) return `${Math.round(age / 3600)} h ago`;
  return `${Math.round(age / 86_400).toLocaleString("en")} days ago`;
}
