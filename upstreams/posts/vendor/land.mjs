// Writes ../web/map/land.bin, the land of the map, from Natural Earth's land at 1:50 million.
//
//     npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
//     node land.mjs package/land-50m.json
//
// The file is a row of rings without a header. A ring is the number of its points and, for each of them, the
// step from the point before (at first from 0, 0): east, then north, in hundredths of a degree. Numbers are
// LEB128, steps zigzag (0, -1, 1, -2, ...). The first point is not said again at the end. Holes are rings
// like others: fill by the even-odd rule. A ring across the 180th meridian goes on beyond 180°, without a
// jump; the one around the south pole is closed along the lower edge of the map.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const STEPS_PER_DEGREE = 100;
const OUT = fileURLToPath(new URL("../web/map/land.bin", import.meta.url));

const topology = JSON.parse(readFileSync(process.argv[2], "utf8"));
const bytes = [];
let points = 0;
let rings = 0;
for (const ring of topology.objects.land.geometries.flatMap((land) => land.arcs.flat())) {
  const steps = withoutRepeats(closed(withoutJumps(outline(ring))).map(toSteps));
  if (steps.length < 3) continue;
  number(steps.length);
  let [east, north] = [0, 0];
  for (const [x, y] of steps) {
    number(zigzag(x - east));
    number(zigzag(y - north));
    [east, north] = [x, y];
  }
  points += steps.length;
  rings += 1;
}
writeFileSync(OUT, Uint8Array.from(bytes));
console.log(`${rings} rings, ${points} points, ${bytes.length} bytes`);

// The degrees of a ring: its arcs one after the other, a negative number being an arc backwards.
function outline(ring) {
  return ring.flatMap((number) => {
    const arc = degrees(topology.arcs[number < 0 ? ~number : number]);
    if (number < 0) arc.reverse();
    return arc.slice(0, -1);
  });
}

function degrees(arc) {
  const { scale, translate } = topology.transform;
  let [x, y] = [0, 0];
  return arc.map(([dx, dy]) => {
    [x, y] = [x + dx, y + dy];
    return [x * scale[0] + translate[0], y * scale[1] + translate[1]];
  });
}

function withoutJumps(points) {
  let turn = 0;
  return points.map(([longitude, latitude], i) => {
    const east = longitude - (i > 0 ? points[i - 1][0] : longitude);
    if (Math.abs(east) > 180) turn -= 360 * Math.sign(east);
    return [longitude + turn, latitude];
  });
}

function closed(points) {
  const [[first], [last]] = [points[0], points.at(-1)];
  if (Math.abs(last - first) < 180) return points;
  const pole = Math.sign(points[0][1]) * 90;
  const around = first + 360 * Math.sign(last - first);
  return [...points, [around, points[0][1]], [around, pole], [first, pole]];
}

function toSteps([longitude, latitude]) {
  return [Math.round(longitude * STEPS_PER_DEGREE), Math.round(latitude * STEPS_PER_DEGREE)];
}

function withoutRepeats(points) {
  return points.filter(([x, y], i) => {
    const [px, py] = points.at(i - 1);
    return x !== px || y !== py;
  });
}

function zigzag(step) {
  return step < 0 ? -2 * step - 1 : 2 * step;
}

function number(value) {
  while (value > 127) {
    bytes.push((value % 128) + 128);
    value = Math.floor(value / 128);
  }
  bytes.push(value);
}
