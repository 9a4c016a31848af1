// What stands beside the map in words: the client that was chosen, the servers, a list of who is in view.

import { fill, h } from "/web/dom.js";

const LIST_LENGTH = 200;
/** What the panel shows in words of its own; everything else that a device says is shown as it is called. */
const SHOWN = new Set(["client", "lat", "lon", "time", "age_s", "server", "heard"]);

/** "12 s ago", "3 min ago". */
export function ago(seconds) {
  if (seconds < 1) return "now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} days ago`;
}

/** The JSON at an address, or nothing where there is none. */
export async function ask(path) {
  const response = await fetch(path, { headers: { accept: "application/json" } });
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

/** The panel of one client. */
export function clientPanel(element, { record, follows, onFollow, onClose }) {
  const where = `${record.lat.toFixed(5)}, ${record.lon.toFixed(5)}`;
  const attributes = Object.entries(record).filter(([name]) => !SHOWN.has(name));
  fill(
    element,
    h("h2", { id: "client-title" }, record.client),
    h("button", { type: "button", class: "panel__close", "aria-label": "Close", onclick: onClose }, "×"),
    h(
      "dl",
      {},
      h("dt", {}, "Heard"),
      h("dd", {}, h("time", { datetime: record.heard, title: record.heard }, ago(record.age_s)), ` by ${record.server}`),
      h("dt", {}, "At"),
      h("dd", {}, h("a", { href: `geo:${record.lat},${record.lon}` }, where)),
      attributes.map(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value))]),
    ),
    h("button", { type: "button", id: "follow", "aria-pressed": String(follows), onclick: onFollow }, "Follow"),
  );
  element.hidden = false;
}

/** The servers as a ring with the links between them; what cannot be reached is told by words, not colour alone. */
export function herdPanel(element, servers) {
  const place = (at) => {
    const angle = (2 * Math.PI * at) / servers.length - Math.PI / 2;
    return [150 + 95 * Math.cos(angle), 120 + 85 * Math.sin(angle)];
  };
  const index = new Map(servers.map(({ name }, at) => [name, at]));
  const lines = servers.flatMap(({ name, talks_with: others }, at) =>
    others
      .filter((other) => index.has(other) && name < other)
      .map((other) => {
        const [[x1, y1], [x2, y2]] = [place(at), place(index.get(other))];
        return svg("line", { x1, y1, x2, y2 });
      }),
  );
  const dots = servers.map(({ name, state }, at) => {
    const [x, y] = place(at);
    const label = svg("text", { x, y: y + (y > 120 ? 26 : -14), "text-anchor": "middle" });
    label.textContent = state === "unreachable" ? `${name} ✕` : name;
    const group = svg("g", { "data-state": state });
    group.append(svg("circle", { cx: x, cy: y, r: 9 }), label);
    return group;
  });
  const picture = svg("svg", { viewBox: "0 0 300 250", class: "servers", role: "img", "aria-label": "Servers and links" });
  picture.append(...lines, ...dots);
  fill(
    element,
    h("h2", {}, "Servers"),
    picture,
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, ["Server", "Address", "State"].map((name) => h("th", { scope: "col" }, name)))),
      h(
        "tbody",
        {},
        servers.map(({ name, address, state }) =>
          h("tr", {}, h("td", {}, name), h("td", {}, address), h("td", {}, state)),
        ),
      ),
    ),
  );
}

/** A table of clients, for who cannot see the map or has no WebGL. */
export function listPanel(element, records, onChoose) {
  fill(
    element,
    h("h2", {}, "Clients in view"),
    records.length === 0 && h("p", {}, "There is no client in this part of the map."),
    records.length > 0 &&
      h(
        "table",
        {},
        h("thead", {}, h("tr", {}, ["Client", "Position", "Heard"].map((name) => h("th", { scope: "col" }, name)))),
        h(
          "tbody",
          {},
          records
            .slice(0, LIST_LENGTH)
            .map((record) =>
              h(
                "tr",
                {},
                h("td", {}, h("button", { type: "button", onclick: () => onChoose(record.client) }, record.client)),
                h("td", {}, `${record.lat.toFixed(4)}, ${record.lon.toFixed(4)}`),
                h("td", {}, ago(record.age_s)),
              ),
            ),
        ),
      ),
  );
}

function svg(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
