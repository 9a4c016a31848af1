// All points that the page knows: where each was, where it is, and since when.

import { toX, toY } from "/web/map/geo.js";

/** How long a point takes from where it was to where it is, unless its reports come more often. */
const GLIDE_S = matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 1;
/** Farther than this, in widths of the world, it does not glide: it is there. */
const JUMP = 0.02;
/** Floats of a point in `data`: from x, y, to x, y, start and length of the way, birth, unused. */
export const STRIDE = 8;

/** Seconds since the page was opened, which fit into the numbers that a graphics card has. */
export function now() {
  return performance.now() / 1000;
}

/** Points in slots; `data` has them as the graphics card takes them. */
export class Points {
  constructor() {
    this.clear();
  }

  clear() {
    this.slots = new Map();
    this.ids = [];
    this.data = new Float32Array(1024 * STRIDE);
    this.restsAt = 0;
    this.isStale = true;
  }

  get count() {
    return this.ids.length;
  }

  /** A client is there, as reported `age` seconds ago. */
  put(id, latitude, longitude, age) {
    const time = now();
    const [x, y] = [toX(longitude), toY(latitude)];
    let slot = this.slots.get(id);
    const isNew = slot === undefined;
    if (isNew) {
      slot = this.ids.push(id) - 1;
      this.slots.set(id, slot);
      if (this.ids.length * STRIDE > this.data.length) this.grow();
    }
    const at = slot * STRIDE;
    let [fromX, fromY] = [x, y];
    let length = 0;
    if (!isNew) {
      [fromX, fromY] = this.placeAt(slot, time);
      // Over the date line the short way.
      fromX += Math.round(x - fromX);
      const isNear = Math.abs(fromX - x) < JUMP && Math.abs(fromY - y) < JUMP;
      const since = time - this.data[at + 7];
      length = isNear ? Math.min(GLIDE_S, since) : 0;
      if (!isNear) [fromX, fromY] = [x, y];
    }
    this.data.set([fromX, fromY, x, y, time, length, time - age, time], at);
    this.restsAt = Math.max(this.restsAt, time + length);
    this.isStale = true;
  }

  /** A client is not to be seen any more. */
  remove(id) {
    const slot = this.slots.get(id);
    if (slot === undefined) return;
    // The last one takes its slot.
    const last = this.ids.pop();
    this.slots.delete(id);
    if (last !== id) {
      this.ids[slot] = last;
      this.slots.set(last, slot);
      const from = this.ids.length * STRIDE;
      this.data.copyWithin(slot * STRIDE, from, from + STRIDE);
    }
    this.isStale = true;
  }

  has(id) {
    return this.slots.has(id);
  }

  /** Where a client is seen now, on the projection. */
  place(id, time = now()) {
    const slot = this.slots.get(id);
    return slot === undefined ? null : this.placeAt(slot, time);
  }

  placeAt(slot, time) {
    const { data } = this;
    const at = slot * STRIDE;
    const length = data[at + 5];
    const share = length === 0 ? 1 : Math.min(1, Math.max(0, (time - data[at + 4]) / length));
    return [data[at] + (data[at + 2] - data[at]) * share, data[at + 1] + (data[at + 3] - data[at + 1]) * share];
  }

  /** Seconds since a client was where it is. */
  age(id, time = now()) {
    return Math.max(0, time - this.data[this.slots.get(id) * STRIDE + 6]);
  }

  /** Whether any point is on its way. */
  isMoving(time = now()) {
    return time < this.restsAt;
  }

  grow() {
    const larger = new Float32Array(2 * this.data.length);
    larger.set(this.data);
    this.data = larger;
  }
}
