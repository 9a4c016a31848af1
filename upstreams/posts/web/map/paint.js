// Painting a map: what is given, where it is looked at, on a canvas. Keeps nothing.

import { circlePoints, holdsPole, toPoint, toX, toY, widthKm } from "./geo.js";

/** A town's name needs this much room, in pixels. */
const LABEL_ROOM = { width: 26, height: 16 };
/** Steps between the lines of the grid, in degrees. */
const GRID_STEPS = [30, 15, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01];
const GRID_PIXELS = 110;
const FONT = "Inter, system-ui, sans-serif";

/**
 * Paints the map.
 *
 * `view` has `x`, `y` (the middle, on the projection), `world` (pixels of its whole width), `width` and
 * `height`; `content` has `world`, `circle`, `dots`, `marker`, `chosen` and `hasCrosshair`.
 */
export function paint(context, view, content, colours) {
  context.fillStyle = colours.sea;
  context.fillRect(0, 0, view.width, view.height);
  if (content.world) paintLand(context, view, content.world.rings, colours);
  paintGrid(context, view, colours);
  if (content.circle) paintCircle(context, view, content.circle, colours);
  if (content.world) paintTowns(context, view, content.world.towns, colours);
  for (const dot of content.dots) paintDot(context, view, dot, dot.id === content.chosen, colours);
  if (content.marker) paintMarker(context, view, content.marker, colours);
  paintScale(context, view, colours);
  if (content.hasCrosshair) paintCrosshair(context, view, colours);
}

/** Where a point is on the canvas: the copy of the world nearest to the middle. */
export function onCanvas(view, { latitude, longitude }) {
  return placed(view, toX(longitude), toY(latitude));
}

function placed(view, x, y) {
  const turns = Math.round(view.x - x);
  return [(x + turns - view.x) * view.world + view.width / 2, (y - view.y) * view.world + view.height / 2];
}

/** The copies of the world of which something may be seen; what lies across 180° is part of two. */
function* copies(view) {
  const half = view.width / 2 / view.world;
  for (let turn = Math.floor(view.x - half) - 1; turn <= Math.floor(view.x + half) + 1; turn += 1) yield turn;
}

function paintLand(context, view, rings, colours) {
  const [halfX, halfY] = [view.width / 2 / view.world, view.height / 2 / view.world];
  const areas = new Path2D();
  const coasts = new Path2D();
  for (const turn of copies(view)) {
    for (const ring of rings) {
      if (ring.west + turn > view.x + halfX || ring.east + turn < view.x - halfX) continue;
      if (ring.north > view.y + halfY || ring.south < view.y - halfY) continue;
      // An island smaller than a pixel is not seen.
      if ((ring.east - ring.west) * view.world < 0.7 && (ring.south - ring.north) * view.world < 0.7) continue;
      trace(areas, coasts, view, ring.line, turn);
    }
  }
  context.fillStyle = colours.land;
  context.fill(areas, "evenodd");
  context.strokeStyle = colours.coast;
  context.lineWidth = 0.8;
  context.stroke(coasts);
}

function trace(areas, coasts, view, line, turn) {
  const originX = view.width / 2 + (turn - view.x) * view.world;
  const originY = view.height / 2 - view.y * view.world;
  let [lastX, lastY] = [NaN, NaN];
  let wasCut = false;
  for (let i = 0; i <= line.length; i += 2) {
    const at = i % line.length;
    const x = originX + line[at] * view.world;
    const y = originY + line[at + 1] * view.world;
    const isEnd = i === line.length;
    // Points closer than a pixel to the last one are left out.
    if (i > 0 && !isEnd && Math.abs(x - lastX) + Math.abs(y - lastY) < 0.9) continue;
    if (i === 0) areas.moveTo(x, y);
    else areas.lineTo(x, y);
    // What is closed along the edge of the map has no coast there.
    const isCut = line[at + 1] > 0.9999;
    if (i === 0 || isCut || wasCut) coasts.moveTo(x, y);
    else coasts.lineTo(x, y);
    wasCut = isCut;
    [lastX, lastY] = [x, y];
  }
  areas.closePath();
}

function paintGrid(context, view, colours) {
  const degreePixels = view.world / 360;
  const step = GRID_STEPS.find((step) => step * degreePixels < 2 * GRID_PIXELS) ?? GRID_STEPS.at(-1);
  const half = view.width / 2 / view.world;
  const [west, east] = [(view.x - half) * 360 - 180, (view.x + half) * 360 - 180];
  const north = toPoint(0, Math.max(0, view.y - view.height / 2 / view.world)).latitude;
  const south = toPoint(0, Math.min(1, view.y + view.height / 2 / view.world)).latitude;
  const digits = step < 1 ? (step < 0.1 ? 2 : 1) : 0;
  const hasLabels = step <= 5;
  context.strokeStyle = colours.grid;
  context.fillStyle = colours.grid;
  context.lineWidth = 1;
  context.font = `10px ${FONT}`;
  context.textAlign = "left";
  context.textBaseline = "alphabetic";
  context.beginPath();
  for (let i = Math.ceil(west / step); i * step <= east; i += 1) {
    const x = Math.round((toX(i * step) - view.x) * view.world + view.width / 2) + 0.5;
    context.moveTo(x, 0);
    context.lineTo(x, view.height);
    if (hasLabels) label(turned(i * step, digits), x + 3, 11);
  }
  for (let i = Math.ceil(south / step); i * step <= north; i += 1) {
    const y = Math.round((toY(i * step) - view.y) * view.world + view.height / 2) + 0.5;
    context.moveTo(0, y);
    context.lineTo(view.width, y);
    if (hasLabels && y > 24) label(`${(i * step).toFixed(digits)}°`, 4, y - 3);
  }
  context.stroke();

  function label(text, x, y) {
    context.fillStyle = colours.town;
    context.globalAlpha = 0.6;
    context.fillText(text, x, y);
    context.globalAlpha = 1;
  }
}

function turned(degrees, digits) {
  const within = ((((degrees + 180) % 360) + 360) % 360) - 180;
  return `${within.toFixed(digits)}°`;
}

function paintTowns(context, view, towns, colours) {
  const taken = [];
  const most = Math.round((view.width * view.height) / 9000);
  context.font = `11px ${FONT}`;
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  for (const town of towns) {
    if (taken.length >= most) return;
    const [x, y] = placed(view, town.x, town.y);
    if (x < 4 || y < 14 || x > view.width - 10 || y > view.height - 24) continue;
    const width = context.measureText(town.name).width;
    const box = [x - 6, y - LABEL_ROOM.height / 2, x + width + LABEL_ROOM.width, y + LABEL_ROOM.height / 2];
    if (x + width + 8 > view.width || taken.some((other) => overlaps(box, other))) continue;
    taken.push(box);
    context.beginPath();
    context.arc(x, y, 2.2, 0, 2 * Math.PI);
    context.fillStyle = colours.town;
    context.fill();
    context.strokeStyle = colours.halo;
    context.lineWidth = 3;
    context.strokeText(town.name, x + 6, y + 0.5);
    context.fillText(town.name, x + 6, y + 0.5);
  }
}

function overlaps([west, north, east, south], [otherWest, otherNorth, otherEast, otherSouth]) {
  return west < otherEast && east > otherWest && north < otherSouth && south > otherNorth;
}

function paintCircle(context, view, circle, colours) {
  context.beginPath();
  if (holdsPole(circle)) return paintCap(context, view, circle, colours);
  const [middleX] = onCanvas(view, circle);
  for (const { latitude, longitude } of circlePoints(circle)) {
    const x = middleX + ((longitude - circle.longitude) / 360) * view.world;
    context.lineTo(x, (toY(latitude) - view.y) * view.world + view.height / 2);
  }
  context.closePath();
  finishCircle(context, colours);
}

/** A circle with a pole in it is all that lies beyond a line from edge to edge. */
function paintCap(context, view, circle, colours) {
  const points = circlePoints(circle, 256)
    .map(({ latitude, longitude }) => [toX(longitude) - Math.floor(toX(longitude)), toY(latitude)])
    .sort(([a], [b]) => a - b);
  const edge = circle.latitude > 0 ? -20 : view.height + 20;
  const turns = [...copies(view)];
  const line = turns.flatMap((turn) =>
    points.map(([x, y]) => [(x + turn - view.x) * view.world + view.width / 2, (y - view.y) * view.world + view.height / 2]),
  );
  context.moveTo(-20, edge);
  context.lineTo(-20, line[0][1]);
  for (const [x, y] of line) context.lineTo(x, y);
  context.lineTo(view.width + 20, line.at(-1)[1]);
  context.lineTo(view.width + 20, edge);
  context.closePath();
  finishCircle(context, colours);
}

function finishCircle(context, colours) {
  context.globalAlpha = 0.16;
  context.fillStyle = colours.accent;
  context.fill();
  context.globalAlpha = 1;
  context.strokeStyle = colours.accent;
  context.lineWidth = 2;
  context.stroke();
}

function paintDot(context, view, point, isChosen, colours) {
  const [x, y] = onCanvas(view, point);
  context.beginPath();
  context.arc(x, y, isChosen ? 8 : 5.5, 0, 2 * Math.PI);
  context.fillStyle = isChosen ? colours.like : colours.accent;
  context.fill();
  context.strokeStyle = colours.surface;
  context.lineWidth = 2;
  context.stroke();
}

function paintMarker(context, view, point, colours) {
  const [x, y] = onCanvas(view, point);
  context.beginPath();
  context.moveTo(x, y);
  context.bezierCurveTo(x - 4, y - 8, x - 10, y - 13, x - 10, y - 20);
  context.arc(x, y - 20, 10, Math.PI, 0);
  context.bezierCurveTo(x + 10, y - 13, x + 4, y - 8, x, y);
  context.fillStyle = colours.like;
  context.fill();
  context.strokeStyle = colours.surface;
  context.lineWidth = 2;
  context.stroke();
  context.beginPath();
  context.arc(x, y - 20, 3.5, 0, 2 * Math.PI);
  context.fillStyle = colours.surface;
  context.fill();
}

function paintScale(context, view, colours) {
  const { latitude } = toPoint(view.x, view.y);
  const kmPerPixel = widthKm(latitude) / view.world;
  const longest = kmPerPixel * 110;
  const power = 10 ** Math.floor(Math.log10(longest));
  const km = power * [5, 2, 1].find((step) => step * power <= longest);
  const pixels = km / kmPerPixel;
  const [x, y] = [12, view.height - 12];
  context.fillStyle = colours.halo;
  context.fillRect(x - 6, y - 20, pixels + 12, 27);
  context.strokeStyle = colours.town;
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(x, y - 5);
  context.lineTo(x, y);
  context.lineTo(x + pixels, y);
  context.lineTo(x + pixels, y - 5);
  context.stroke();
  context.fillStyle = colours.town;
  context.font = `10px ${FONT}`;
  context.textAlign = "center";
  context.textBaseline = "alphabetic";
  context.fillText(km < 1 ? `${Math.round(km * 1000)} m` : `${km.toLocaleString("en")} km`, x + pixels / 2, y - 8);
}

function paintCrosshair(context, view, colours) {
  const [x, y] = [Math.round(view.width / 2) + 0.5, Math.round(view.height / 2) + 0.5];
  context.beginPath();
  context.moveTo(x - 12, y);
  context.lineTo(x + 12, y);
  context.moveTo(x, y - 12);
  context.lineTo(x, y + 12);
  context.strokeStyle = colours.town;
  context.lineWidth = 1.5;
  context.stroke();
}
