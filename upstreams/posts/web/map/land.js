// The land and the towns, loaded once when the first map is shown.

import { toX, toY } from "./geo.js";

const STEPS_PER_DEGREE = 100;

let loading = null;

/**
 * `rings`: outlines of land (x and y in turn on the projection, with their bounds), to be filled even-odd;
 * `towns`: `{ name, x, y }`, the greatest first.
 */
export function world() {
  loading ??= load().catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

async function load() {
  const [land, cities] = await Promise.all([fetched("/web/map/land.bin"), fetched("/map/cities.json")]);
  return { rings: rings(new Uint8Array(await land.arrayBuffer())), towns: (await cities.json()).map(town) };
}

async function fetched(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response;
}

function town([name, latitude, longitude]) {
  return { name, x: toX(longitude), y: toY(latitude) };
}

/** Reads the rings; `vendor/land.mjs` says how they are written. */
function rings(bytes) {
  const rings = [];
  let at = 0;
  while (at < bytes.length) {
    const points = number();
    const line = new Float64Array(2 * points);
    const ring = { line, west: 2, east: -1, north: 2, south: -1 };
    let [longitude, latitude] = [0, 0];
    for (let i = 0; i < points; i += 1) {
      longitude += step();
      latitude += step();
      const x = toX(longitude / STEPS_PER_DEGREE);
      const y = toY(latitude / STEPS_PER_DEGREE);
      line[2 * i] = x;
      line[2 * i + 1] = y;
      ring.west = Math.min(ring.west, x);
      ring.east = Math.max(ring.east, x);
      ring.north = Math.min(ring.north, y);
      ring.south = Math.max(ring.south, y);
    }
    rings.push(ring);
  }
  return rings;

  function step() {
    const value = number();
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
  }

  function number() {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at];
      at += 1;
      value += (byte % 128) * shift;
      if (byte < 128) return value;
    }
  }
}
