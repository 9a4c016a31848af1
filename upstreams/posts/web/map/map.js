// The map as a part of a page: what it looks at, and what fingers, wheel, mouse and keys do to it.
//
// It needs no tiles and no network but this server's own. How it is painted is in `paint.js`.

import { h } from "../dom.js";
import { toPoint, toX, toY, widthKm } from "./geo.js";
import { world } from "./land.js";
import { onCanvas, paint } from "./paint.js";

const MAX_ZOOM = 14;
const TILE = 256;
const NARROW_PIXELS = 400;
const CLICK_PIXELS = 5;
const DOT_PIXELS = 12;
const COLOURS = ["sea", "land", "coast", "grid", "town", "halo", "accent", "like", "surface"];

const KEYS_HELP = "Arrow keys move the map, plus and minus zoom";

/** A map that can be moved; `element` goes into the page. */
export class WorldMap {
  /**
   * `onPick` gets the point that was clicked, or the middle when Enter is pressed; without it the map is
   * only looked at. `onDot` gets the id of a dot that was clicked.
   */
  constructor({ label, height, onPick, onDot, signal }) {
    this.onPick = onPick;
    this.onDot = onDot;
    this.view = { x: 0.5, y: toY(25), zoom: 1, width: 0, height: 0, world: TILE };
    this.content = { world: null, circle: null, dots: [], marker: null, chosen: null, hasCrosshair: false };
    this.pointers = new Map();
    this.canvas = h("canvas", {
      tabindex: "0",
      role: "application",
      "aria-label": `${label}. ${KEYS_HELP}${onPick ? ", Enter takes the middle" : ""}.`,
      "data-picks": Boolean(onPick),
    });
    this.element = h(
      "div",
      { class: `map ${height ? `map--${height}` : ""}` },
      this.canvas,
      h(
        "div",
        { class: "map__buttons" },
        h("button", { type: "button", "aria-label": "Zoom in", onclick: () => this.zoomBy(1) }, "+"),
        h("button", { type: "button", "aria-label": "Zoom out", onclick: () => this.zoomBy(-1) }, "−"),
      ),
      h("a", { class: "map__source", href: "/about" }, "Natural Earth · GeoNames"),
    );
    this.listen(signal);
    world().then(
      (loaded) => {
        this.content.world = loaded;
        this.repaint();
      },
      () => this.element.append(h("p", { class: "map__source" }, "The map could not be loaded.")),
    );
  }

  /** Shows a pin there, or none. */
  setMarker(point) {
    this.content.marker = point;
    this.repaint();
  }

  /** Shows a circle (`latitude`, `longitude`, `radiusKm`), or none. */
  setCircle(circle) {
    this.content.circle = circle;
    this.repaint();
  }

  /** Shows these points, each with an `id`. */
  setDots(dots) {
    this.content.dots = dots;
    this.repaint();
  }

  /** Makes one of the dots stand out. */
  choose(id) {
    this.content.chosen = id;
    this.repaint();
  }

  /** Moves to a point, near enough to tell streets of a country apart. */
  showPoint(point, zoom = 6) {
    this.whenSized(() => this.moveTo(toX(point.longitude), toY(point.latitude), Math.max(this.view.zoom, zoom)));
  }

  /** Moves so that a circle fills the map. */
  showCircle({ latitude, longitude, radiusKm }) {
    this.whenSized(() => {
      const pixels = Math.min(this.view.width, this.view.height) * 0.4;
      const zoom = Math.log2((pixels * widthKm(latitude)) / radiusKm / TILE);
      this.moveTo(toX(longitude), toY(latitude), Math.min(zoom, 11));
    });
  }

  /** How wide a circle is on the map as it is. */
  pixelsOf({ latitude, radiusKm }) {
    return (2 * radiusKm * this.view.world) / widthKm(latitude);
  }

  /** Only once the map is in the page it has a size. */
  whenSized(act) {
    if (this.view.width > 0) act();
    else this.pending = act;
  }

  moveTo(x, y, zoom) {
    const { view } = this;
    // Never so far out that there is nothing above or below.
    view.zoom = Math.max(Math.log2(view.height / TILE), Math.log2(view.width / TILE) - 1, Math.min(MAX_ZOOM, zoom));
    view.world = TILE * 2 ** view.zoom;
    const half = view.height / 2 / view.world;
    view.x = x - Math.floor(x);
    view.y = Math.max(half, Math.min(1 - half, y));
    this.repaint();
  }

  panBy(dx, dy) {
    const { view } = this;
    this.moveTo(view.x + dx / view.world, view.y + dy / view.world, view.zoom);
  }

  /** Zooms so that what is at this place of the canvas stays there. */
  zoomBy(steps, [px, py] = [this.view.width / 2, this.view.height / 2]) {
    const { view } = this;
    const [dx, dy] = [px - view.width / 2, py - view.height / 2];
    const [x, y] = [view.x + dx / view.world, view.y + dy / view.world];
    this.moveTo(view.x, view.y, view.zoom + steps);
    this.moveTo(x - dx / view.world, y - dy / view.world, view.zoom);
  }

  listen(signal) {
    const { canvas } = this;
    const sizes = new ResizeObserver(() => this.resize());
    sizes.observe(this.element);
    const isDark = matchMedia("(prefers-color-scheme: dark)");
    isDark.addEventListener("change", () => this.repaint(), { signal });
    signal.addEventListener("abort", () => sizes.disconnect());

    canvas.addEventListener("pointerdown", (event) => this.handleDown(event));
    canvas.addEventListener("pointermove", (event) => this.handleMove(event));
    canvas.addEventListener("pointerup", (event) => this.handleUp(event));
    canvas.addEventListener("pointercancel", (event) => this.pointers.delete(event.pointerId));
    canvas.addEventListener("keydown", (event) => this.handleKey(event));
    canvas.addEventListener("wheel", (event) => this.handleWheel(event), { passive: false });
    canvas.addEventListener("focus", () => this.showCrosshair(canvas.matches(":focus-visible")));
    canvas.addEventListener("blur", () => this.showCrosshair(false));
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (width === 0 || height === 0) return;
    const { view, canvas } = this;
    const isFirst = view.width === 0;
    canvas.width = width * devicePixelRatio;
    canvas.height = height * devicePixelRatio;
    view.width = width;
    view.height = height;
    // On a phone all of the world is seen at first.
    this.moveTo(view.x, view.y, isFirst && width < NARROW_PIXELS ? Math.log2(width / TILE) : view.zoom);
    this.pending?.();
    this.pending = null;
    this.paintNow();
  }

  handleDown(event) {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.focus({ focusVisible: false, preventScroll: true });
    this.pointers.set(event.pointerId, at(event));
    this.isClick = this.pointers.size === 1;
    this.downAt = at(event);
  }

  handleMove(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = at(event);
    if (this.isClick && distance(now, this.downAt) < CLICK_PIXELS) return;
    this.isClick = false;
    this.canvas.toggleAttribute("data-dragged", true);
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, now);
    if (!other) return this.panBy(before[0] - now[0], before[1] - now[1]);
    // Two fingers: the middle between them moves the map, their distance zooms.
    this.panBy((before[0] - now[0]) / 2, (before[1] - now[1]) / 2);
    const stretch = distance(now, other) / Math.max(1, distance(before, other));
    this.zoomBy(Math.log2(stretch), [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2]);
  }

  handleUp(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.pointers.size === 0) this.canvas.toggleAttribute("data-dragged", false);
    if (!this.isClick) return;
    this.isClick = false;
    const place = at(event);
    const dot = this.dotAt(place);
    if (dot && this.onDot) this.onDot(dot.id);
    else this.onPick?.(this.pointAt(place));
  }

  handleWheel(event) {
    event.preventDefault();
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * 30 : event.deltaY;
    this.zoomBy(Math.max(-1, Math.min(1, -pixels / 250)), at(event));
  }

  handleKey(event) {
    const step = event.shiftKey ? 200 : 50;
    const acts = {
      ArrowLeft: () => this.panBy(-step, 0),
      ArrowRight: () => this.panBy(step, 0),
      ArrowUp: () => this.panBy(0, -step),
      ArrowDown: () => this.panBy(0, step),
      "+": () => this.zoomBy(1),
      "=": () => this.zoomBy(1),
      "-": () => this.zoomBy(-1),
      Enter: () => this.onPick?.(this.pointAt([this.view.width / 2, this.view.height / 2])),
    };
    if (event.ctrlKey || event.metaKey || event.altKey || !acts[event.key]) return;
    event.preventDefault();
    this.showCrosshair(true);
    acts[event.key]();
  }

  showCrosshair(isShown) {
    this.content.hasCrosshair = isShown && Boolean(this.onPick);
    this.repaint();
  }

  pointAt([px, py]) {
    const { view } = this;
    return toPoint(view.x + (px - view.width / 2) / view.world, view.y + (py - view.height / 2) / view.world);
  }

  dotAt(place) {
    let nearest = null;
    let least = DOT_PIXELS;
    for (const dot of this.content.dots) {
      const away = distance(onCanvas(this.view, dot), place);
      if (away <= least) [nearest, least] = [dot, away];
    }
    return nearest;
  }

  repaint() {
    this.frame ??= requestAnimationFrame(() => this.paintNow());
  }

  paintNow() {
    cancelAnimationFrame(this.frame);
    this.frame = null;
    if (this.view.width === 0) return;
    const style = getComputedStyle(this.element);
    const colours = Object.fromEntries(COLOURS.map((name) => [name, style.getPropertyValue(`--${name}`)]));
    const context = this.canvas.getContext("2d");
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    paint(context, this.view, this.content, colours);
    this.describe();
  }

  /** What is seen, for style sheets, tests and whoever looks into the page. */
  describe() {
    const { latitude, longitude } = toPoint(this.view.x, this.view.y);
    Object.assign(this.canvas.dataset, {
      latitude: latitude.toFixed(4),
      longitude: longitude.toFixed(4),
      zoom: this.view.zoom.toFixed(2),
      dots: this.content.dots.length,
      isLoaded: Boolean(this.content.world),
    });
  }
}

function at(event) {
  return [event.offsetX, event.offsetY];
}

function distance([ax, ay], [bx, by]) {
  return Math.hypot(ax - bx, ay - by);
}
