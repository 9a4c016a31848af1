// The live map: the clients of a herd as they move.

import { fill, h } from "/web/dom.js";
import { toX, toY } from "/web/map/geo.js";
import { addWorld, collection, colours, feature, style } from "./basemap.js";
import { Feed } from "./feed.js";
import { ask, clientPanel, herdPanel, listPanel } from "./panels.js";
import { PointsLayer } from "./points.js";

const TICK_MS = 1000;
const TRAIL_POINTS = 500;
const CLICK_PIXELS = 18;

const element = (id) => document.getElementById(id);
const handles = new Map();
const ids = new Map();
const state = { chosen: null, follows: false, trail: [], total: 0, hasMore: false, bytes: 0, isOpen: false };

let map = null;
let points = null;
const feed = new Feed({ onNames, onPoint, onGone, onTotal, onFrame, onState });

start().catch((error) => {
  // Without WebGL there is the list, with everything that the map shows.
  console.warn("the map cannot be drawn:", error);
  element("map").append(h("p", { class: "panel", id: "no-map" }, "This browser cannot draw the map (no WebGL 2). The list has the same clients."));
  map = null;
  toggle("list", true);
  look();
});

async function start() {
  const { Map: WorldMap, NavigationControl, ScaleControl } = await import("./maplibre/maplibre-gl.mjs");
  if (!document.createElement("canvas").getContext("webgl2")) throw new Error("no WebGL 2");
  const { center, zoom } = remembered();
  map = new WorldMap({
    container: "map",
    style: style(),
    center,
    zoom,
    maxZoom: 19,
    minZoom: 0.5,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    attributionControl: { compact: true },
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.addControl(new NavigationControl({ showCompass: false }), "bottom-right");
  map.addControl(new ScaleControl(), "bottom-left");
  map.getCanvas().setAttribute("aria-label", "Map of the clients. Arrow keys move it, plus and minus zoom.");
  points = new PointsLayer(pointColours);
  map.on("load", () => {
    map.addLayer(points, "ring");
    addWorld(map).then(
      () => element("map").setAttribute("data-is-loaded", "true"),
      (error) => console.warn("the land cannot be loaded:", error),
    );
    look();
    describe();
  });
  map.on("moveend", () => {
    remember();
    look();
  });
  map.on("dragstart", () => setFollows(false));
  map.on("click", handleClick);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
}

/** Takes the colours of the other theme. */
function repaint() {
  pointColours.known = null;
  for (const { id, paint } of style().layers) {
    for (const [name, value] of Object.entries(paint ?? {})) map.setPaintProperty(id, name, value);
  }
}

function handleClick({ lngLat }) {
  const worldPixels = 512 * 2 ** map.getZoom();
  const handle = points.nearest(toX(lngLat.lng), toY(lngLat.lat), CLICK_PIXELS / worldPixels);
  if (handle !== null) choose(ids.get(handle));
}

/** Asks for what is in view. */
function look() {
  if (!map) return feed.look([-180, -90, 180, 90]);
  const bounds = map.getBounds();
  const isAll = bounds.getEast() - bounds.getWest() >= 360;
  const wrap = (longitude) => ((((longitude + 180) % 360) + 360) % 360) - 180;
  const [west, east] = isAll ? [-180, 180] : [wrap(bounds.getWest()), wrap(bounds.getEast())];
  feed.look([west, bounds.getSouth(), east, bounds.getNorth()]);
}

function onNames(handle, id) {
  handles.set(id, handle);
  ids.set(handle, id);
}

function onPoint(handle, latitude, longitude, ageMs) {
  points?.set(handle, latitude, longitude, ageMs);
  if (state.chosen !== null && ids.get(handle) === state.chosen) moveChosen(longitude, latitude);
}

/** The chosen client is here now. */
function moveChosen(longitude, latitude) {
  const last = state.trail.at(-1);
  if (last && last[0].toFixed(7) === longitude.toFixed(7) && last[1].toFixed(7) === latitude.toFixed(7)) return;
  state.trail.push([longitude, latitude]);
  state.trail.splice(0, state.trail.length - TRAIL_POINTS);
  drawChosen();
  if (state.follows) map?.easeTo({ center: [longitude, latitude], duration: 1000, essential: true });
}

function onGone(handle) {
  points?.delete(handle);
}

function onTotal(clients, _sent, hasMore) {
  Object.assign(state, { total: clients, hasMore });
}

function onFrame(bytes) {
  state.bytes += bytes;
  describe();
}

function onState(isOpen) {
  // Handles belong to one connection. What is on the map stays, and fades, until the next says what is there.
  if (isOpen) {
    points?.clear();
    handles.clear();
    ids.clear();
  }
  state.isOpen = isOpen;
  describe();
}

/** Says how many there are, for people and for whoever looks into the page. */
function describe() {
  const number = points?.size ?? 0;
  const status = element("status");
  const all = `${number.toLocaleString("en")} ${number === 1 ? "client" : "clients"}`;
  const seen = state.hasMore ? `the first ${all} in view` : `${all} in view`;
  const words = state.isOpen ? seen : "Not connected: trying again";
  if (status.textContent !== words) status.textContent = words;
  status.toggleAttribute("data-bad", !state.isOpen);
  Object.assign(element("map").dataset, {
    points: points?.size ?? 0,
    bytes: state.bytes,
    clients: state.total,
    ownMs: points?.ownMs.toFixed(3) ?? "",
    isOpen: state.isOpen,
  });
}

/** Shows one client's panel, ring and trail. */
async function choose(id) {
  state.chosen = id;
  state.trail = [];
  look();
  const record = await showChosen();
  if (record && map && !map.getBounds().contains([record.lon, record.lat])) {
    map.flyTo({ center: [record.lon, record.lat], zoom: Math.max(8, map.getZoom()) });
  }
}

async function showChosen() {
  const id = state.chosen;
  if (id === null) return null;
  const record = await ask(`/v1/clients/${encodeURIComponent(id)}`).catch(() => null);
  if (state.chosen !== id) return null;
  if (record) {
    moveChosen(record.lon, record.lat);
    const had = document.activeElement?.id;
    clientPanel(element("client"), {
      record,
      follows: state.follows,
      onFollow: () => setFollows(!state.follows),
      onClose: () => forget(),
    });
    if (had === "follow") element("follow").focus();
  }
  drawChosen();
  return record;
}

function setFollows(follows) {
  element("map").dataset.follows = follows;
  if (state.follows === follows) return;
  state.follows = follows;
  element("follow")?.setAttribute("aria-pressed", String(follows));
  const here = state.trail.at(-1);
  if (follows && here) map?.jumpTo({ center: here, zoom: Math.max(12, map.getZoom()) });
}

function forget() {
  Object.assign(state, { chosen: null, follows: false, trail: [] });
  element("client").hidden = true;
  drawChosen();
  look();
}

function drawChosen() {
  const here = points?.where(handles.get(state.chosen));
  const at = here ? [here.longitude, here.latitude] : state.trail.at(-1);
  element("map").dataset.chosen = state.chosen !== null && state.trail.length > 0 ? placeName(state.trail.at(-1)) : "";
  const ring = state.chosen !== null && at ? [feature({ type: "Point", coordinates: at })] : [];
  map?.getSource("ring")?.setData(collection(ring));
  const trail = state.trail.length > 1 ? [feature({ type: "LineString", coordinates: state.trail })] : [];
  map?.getSource("trail")?.setData(collection(trail));
}

function placeName([longitude, latitude]) {
  return `${latitude.toFixed(4)},${longitude.toFixed(4)}`;
}

setInterval(() => {
  if (document.hidden) return;
  showChosen();
  map?.triggerRepaint();
  if (!element("herd").hidden) showHerd();
  if (!element("list").hidden) showList();
}, TICK_MS);

async function showHerd() {
  const herd = await ask("/v1/herd").catch(() => null);
  if (herd) herdPanel(element("herd"), herd.servers);
}

async function showList() {
  // A table that changes under the keyboard cannot be used.
  if (element("list").contains(document.activeElement)) return;
  const [west, south, east, north] = feed.view?.box ?? [-180, -90, 180, 90];
  const found = await ask(`/v1/clients?bbox=${west},${south},${east},${north}&limit=200`).catch(() => null);
  if (found) listPanel(element("list"), found.clients, choose);
}

function toggle(name, isShown = element(name).hidden) {
  element(name).hidden = !isShown;
  element(`${name}-button`).setAttribute("aria-expanded", String(isShown));
  if (isShown) (name === "herd" ? showHerd : showList)();
}

element("herd-button").addEventListener("click", () => toggle("herd"));
element("list-button").addEventListener("click", () => toggle("list"));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  element("found").hidden = true;
  if (!element("client").hidden) forget();
});

element("query").addEventListener("input", () => search(element("query").value));
element("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const id = element("found").querySelector("button")?.textContent ?? element("query").value;
  if (id) pick(id);
});
document.addEventListener("click", (event) => {
  if (!element("search").contains(event.target)) element("found").hidden = true;
});

async function search(text) {
  const found = element("found");
  if (text === "") return void (found.hidden = true);
  const answer = await ask(`/v1/clients?search=${encodeURIComponent(text)}&limit=10`).catch(() => null);
  if (!answer || element("query").value !== text || document.activeElement?.form !== element("search")) return;
  const rows = answer.clients.map(({ client }) =>
    h("li", {}, h("button", { type: "button", onclick: () => pick(client) }, client)),
  );
  fill(found, rows.length > 0 ? rows : h("li", {}, h("p", {}, "No client's ID has this in it.")));
  found.hidden = false;
}

function pick(id) {
  element("query").value = id;
  element("query").blur();
  element("found").hidden = true;
  choose(id);
}

function pointColours() {
  pointColours.known ??= Object.fromEntries(["fresh", "old", "halo"].map((name) => [name, rgb(colours()(name))]));
  return pointColours.known;
}

function rgb(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);
}

/** Where the map was looked at last; the address has it, so that it can be sent to somebody. */
function remembered() {
  const [zoom, latitude, longitude] = location.hash.slice(1).split("/").map(Number);
  const isSound = [zoom, latitude, longitude].every(Number.isFinite) && Math.abs(latitude) <= 85;
  return isSound ? { zoom, center: [longitude, latitude] } : { zoom: 1.6, center: [0, 25] };
}

function remember() {
  const { lng, lat } = map.getCenter();
  history.replaceState(null, "", `#${map.getZoom().toFixed(2)}/${lat.toFixed(5)}/${lng.toFixed(5)}`);
}
