// What lies under the points: land and towns, without a network; or an operator's own tiles.

import { world } from "/web/map/land.js";
import { toPoint } from "/web/map/geo.js";


/** The colours of the style sheet, as they are in the theme that is shown. */
export function colours() {
  const style = getComputedStyle(document.documentElement);
  return (name) => style.getPropertyValue(`--${name}`).trim();
}

/** A style of MapLibre with nothing in it but the sea and the lines of the globe. */
export function style() {
  const colour = colours();
  return {
    version: 8,
    sources: {
      land: { type: "geojson", data: collection([]), attribution: "Natural Earth · GeoNames" },
      grid: { type: "geojson", data: collection(grid()) },
      towns: { type: "geojson", data: collection([]) },
      ring: { type: "geojson", data: collection([]) },
      trail: { type: "geojson", data: collection([]) },
    },
    layers: [
      { id: "sea", type: "background", paint: { "background-color": colour("sea") } },
      { id: "grid", type: "line", source: "grid", paint: { "line-color": colour("grid"), "line-width": 1 } },
      { id: "land", type: "fill", source: "land", paint: { "fill-color": colour("land") } },
      { id: "coast", type: "line", source: "land", paint: { "line-color": colour("coast"), "line-width": 0.8 } },
      {
        id: "towns",
        type: "symbol",
        source: "towns",
        layout: {
          "text-field": ["get", "name"],
          "text-font": ["sans-serif"],
          "text-size": ["interpolate", ["linear"], ["zoom"], 2, 11, 8, 14],
          "symbol-sort-key": ["get", "rank"],
          "text-padding": 8,
        },
        paint: { "text-color": colour("town"), "text-halo-color": colour("halo"), "text-halo-width": 1.2 },
      },
      {
        id: "trail",
        type: "line",
        source: "trail",
        layout: { "line-join": "round", "line-cap": "round" },
        paint: { "line-color": colour("chosen"), "line-width": 3, "line-opacity": 0.7 },
      },
      {
        id: "ring",
        type: "circle",
        source: "ring",
        paint: {
          "circle-radius": 15,
          "circle-color": "rgba(0,0,0,0)",
          "circle-stroke-color": colour("chosen"),
          "circle-stroke-width": 3,
        },
      },
    ],
  };
}

/** Puts land and towns into a map, once they are here. */
export async function addWorld(map) {
  const { rings, towns } = await world();
  map.getSource("land")?.setData(collection(polygons(rings)));
  map.getSource("towns")?.setData(
    collection(
      towns.map(({ name, x, y }, rank) => feature({ type: "Point", coordinates: lngLat(x, y) }, { name, rank })),
    ),
  );
}

export function collection(features) {
  return { type: "FeatureCollection", features };
}

export function feature(geometry, properties = {}) {
  return { type: "Feature", geometry, properties };
}


function lngLat(x, y) {
  // Beyond the 180th meridian an outline goes on without a jump, which `toPoint` would take back.
  const turn = Math.floor(x);
  const { latitude, longitude } = toPoint(x, y);
  return [longitude + 360 * turn, latitude];
}

/**
 * The land as polygons. The outlines come as rings to be filled even-odd; a ring that lies within another is
 * a hole of it.
 */
function polygons(rings) {
  const outlines = rings.map((ring) => ({ ...ring, area: area(ring.line), holes: [] }));
  outlines.sort((a, b) => Math.abs(b.area) - Math.abs(a.area));
  const outer = [];
  for (const outline of outlines) {
    const [x, y] = outline.line;
    const around = outer.findLast((other) => isInBox(other, x, y) && isInside(other.line, x, y));
    if (around) around.holes.push(outline);
    else outer.push(outline);
  }
  return outer.map((outline) =>
    feature({ type: "Polygon", coordinates: [outline, ...outline.holes].map(({ line }) => points(line)) }),
  );
}

function points(line) {
  const result = [];
  for (let i = 0; i < line.length; i += 2) result.push(lngLat(line[i], line[i + 1]));
  result.push(result[0]);
  return result;
}

function area(line) {
  let sum = 0;
  for (let i = 0, j = line.length - 2; i < line.length; j = i, i += 2) {
    sum += line[j] * line[i + 1] - line[i] * line[j + 1];
  }
  return sum / 2;
}

function isInBox({ west, east, north, south }, x, y) {
  return x >= west && x <= east && y >= north && y <= south;
}

function isInside(line, x, y) {
  let inside = false;
  for (let i = 0, j = line.length - 2; i < line.length; j = i, i += 2) {
    const [ax, ay, bx, by] = [line[i], line[i + 1], line[j], line[j + 1]];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

function grid() {
  const line = (coordinates) => feature({ type: "LineString", coordinates });
  const lines = [];
  for (let longitude = -180; longitude < 180; longitude += 30) lines.push(line([[longitude, -85], [longitude, 85]]));
  for (let latitude = -60; latitude <= 60; latitude += 30) lines.push(line([[-180, latitude], [180, latitude]]));
  return lines;
}
