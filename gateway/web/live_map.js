// The map of the herd: the world below, its clients above.

import { h } from "/web/dom.js";
import { WorldMap } from "/web/map/map.js";
import { toPoint } from "/web/map/geo.js";
import { layer, onCanvas } from "./layer.js";
import { Points, now } from "./points.js";

/** So many are named on the map. */
const MAX_LABELS = 40;
const HIT_PIXELS = 14;
/** More than is seen is asked for, so that moving the map a little shows no gap. */
const MARGIN = 0.25;
const FONT = "12px Inter, system-ui, sans-serif";

/** The map; `element` goes into the page. */
export class LiveMap extends WorldMap {
  /** `onView(box)` when another part of the world is seen; `onChoose(id)` when a client is clicked. */
  constructor({ onView, onChoose, signal }) {
    super({ label: "Map of the herd's clients", onDot: onChoose, signal });
    this.onView = onView;
    this.points = new Points();
    this.chosenId = null;
    this.followed = null;
    this.trail = [];
    const glass = h("canvas", { class: "layer", "aria-hidden": "true", "data-layer": "points" });
    this.labels = h("canvas", { class: "layer", "aria-hidden": "true", "data-layer": "labels" });
    this.canvas.after(glass, this.labels);
    this.layer = layer(glass);
    this.element.querySelector(".map__source").replaceWith(
      h("span", { class: "map__source" }, "Natural Earth · GeoNames"),
    );
    this.element.dataset.layer = this.layer.kind;
    // Ages go on while nothing moves.
    const ages = setInterval(() => this.animate(), 1000);
    signal.addEventListener("abort", () => clearInterval(ages));
  }

  /** A client is there. */
  put(id, latitude, longitude, age) {
    this.points.put(id, latitude, longitude, age);
    if (id === this.chosenId) {
      this.trail.push([longitude, latitude]);
      if (this.trail.length > 500) this.trail.shift();
    }
    this.animate();
  }

  remove(id) {
    this.points.remove(id);
    this.animate();
  }

  choosePoint(id) {
    if (id !== this.chosenId) this.trail = [];
    this.chosenId = id;
    this.animate();
  }

  follow(id) {
    this.followed = id;
    this.animate();
  }

  animate() {
    this.animation ??= requestAnimationFrame(() => this.drawNow());
  }

  drawNow() {
    this.animation = null;
    const { view, points } = this;
    if (view.width === 0) return;
    const time = now();
    const place = this.followed && points.place(this.followed, time);
    if (place && !this.pointers.size) {
      const [x, y] = onCanvas(view, place);
      // Half a pixel is not worth painting the world again.
      if (Math.hypot(x - view.width / 2, y - view.height / 2) > 0.5) this.moveTo(place[0], place[1], view.zoom);
    }
    const colours = this.colours();
    this.layer.draw(points, view, colours);
    this.drawLabels(colours, time);
    this.describe();
    if (points.isMoving(time)) this.animate();
  }

  drawLabels(colours, time) {
    const { view, points } = this;
    const context = this.labels.getContext("2d");
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, view.width, view.height);
    context.font = FONT;
    context.textBaseline = "middle";
    context.lineJoin = "round";
    const place = this.chosenId && points.place(this.chosenId, time);
    if (place) {
      const at = onCanvas(view, place);
      this.drawTrail(context, colours);
      context.beginPath();
      context.arc(at[0], at[1], 9, 0, 2 * Math.PI);
      context.fillStyle = colours.like;
      context.fill();
      context.lineWidth = 2.5;
      context.strokeStyle = colours.surface;
      context.stroke();
      this.drawLabel(context, colours, this.chosenId, at);
    }
    if (points.count > MAX_LABELS) return;
    points.ids.forEach((id, slot) => {
      if (id !== this.chosenId) this.drawLabel(context, colours, id, onCanvas(view, points.placeAt(slot, time)));
    });
  }

  drawLabel(context, colours, id, [x, y]) {
    const text = id.length > 40 ? `${id.slice(0, 39)}…` : id;
    context.lineWidth = 3;
    context.strokeStyle = colours.halo;
    context.fillStyle = colours.town;
    context.strokeText(text, x + 12, y + 0.5);
    context.fillText(text, x + 12, y + 0.5);
  }

  drawTrail(context, colours) {
    if (this.trail.length < 2) return;
    context.beginPath();
    let lastX = null;
    for (const [longitude, latitude] of this.trail) {
      const [x, y] = onCanvas(this.view, projected(longitude, latitude));
      // Across the date line it goes on at the other side.
      if (lastX === null || Math.abs(x - lastX) > this.view.world / 2) context.moveTo(x, y);
      else context.lineTo(x, y);
      lastX = x;
    }
    context.strokeStyle = colours.like;
    context.globalAlpha = 0.6;
    context.lineWidth = 2;
    context.stroke();
    context.globalAlpha = 1;
  }

  /** Where a client is, if it is on the map. */
  pointOf(id) {
    const place = this.points.place(id);
    return place && toPoint(...place);
  }

  colours() {
    const style = getComputedStyle(this.element);
    const names = ["accent", "surface", "like", "halo", "town"];
    return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`)]));
  }

  resize() {
    super.resize();
    for (const canvas of [this.layer?.canvas, this.labels]) {
      if (!canvas) continue;
      canvas.width = this.canvas.width;
      canvas.height = this.canvas.height;
    }
    if (this.layer) this.drawNow();
  }

  paintNow() {
    super.paintNow();
    if (!this.layer || this.view.width === 0) return;
    // In the same frame, so that the points do not lag behind the land.
    cancelAnimationFrame(this.animation);
    this.drawNow();
    const box = this.box();
    if (String(box) === String(this.shown)) return;
    this.shown = box;
    clearTimeout(this.asking);
    this.asking = setTimeout(() => this.onView(box), 120);
  }

  /** What is seen and some more, as `[west, south, east, north]`. */
  box() {
    const { view } = this;
    const [halfX, halfY] = [
      (view.width / 2 / view.world) * (1 + MARGIN),
      (view.height / 2 / view.world) * (1 + MARGIN),
    ];
    // Beyond the edge of the projection are the poles.
    const north = view.y - halfY <= 0 ? 90 : toPoint(0, view.y - halfY).latitude;
    const south = view.y + halfY >= 1 ? -90 : toPoint(0, view.y + halfY).latitude;
    if (halfX >= 0.5) return [-180, south, 180, north];
    return [toPoint(view.x - halfX, 0.5).longitude, south, toPoint(view.x + halfX, 0.5).longitude, north];
  }

  /** A click chooses the nearest client, if one is near enough. */
  dotAt([px, py]) {
    const { points, view } = this;
    const time = now();
    let [nearest, least] = [null, HIT_PIXELS];
    points.ids.forEach((id, slot) => {
      const [x, y] = onCanvas(view, points.placeAt(slot, time));
      const away = Math.hypot(x - px, y - py);
      if (away < least) [nearest, least] = [{ id }, away];
    });
    return nearest;
  }

  handleMove(event) {
    super.handleMove(event);
    // Who moves the map wants to look elsewhere.
    if (this.pointers.size && !this.isClick && this.followed) this.onLoose?.();
  }

  describe() {
    super.describe();
    if (!this.points) return;
    this.element.dataset.points = this.points.count;
    const place = this.chosenId && this.points.place(this.chosenId);
    if (!place) return;
    const { latitude, longitude } = toPoint(...place);
    this.element.dataset.chosen = `${latitude.toFixed(4)},${longitude.toFixed(4)}`;
  }
}

function projected(longitude, latitude) {
  const sine = Math.sin((latitude * Math.PI) / 180);
  return [(longitude + 180) / 360, 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)];
}
