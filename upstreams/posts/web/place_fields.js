// A point on the earth, by clicking the map, by typing, or from where the browser is.

import { field, fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { WorldMap } from "./map/map.js";

/**
 * A map with two fields for a point; `onChange` gets the point or null.
 *
 * `set` changes the point and tells `onChange`; `map` is there to draw more on it.
 */
export function placeFields({ label, point = null, height, onChange, signal }) {
  const map = new WorldMap({ label, height, onPick: set, signal });
  const latitude = coordinate("latitude", "34.0689");
  const longitude = coordinate("longitude", "-118.4452");
  const fault = h("p", { class: "small", role: "alert" });
  const here = h("button", { type: "button", onclick: useBrowser }, icon("place"), "Where I am");
  const clear = h("button", { type: "button", class: "plain", onclick: () => set(null) }, "Clear");
  const element = h(
    "div",
    { class: "composer__place" },
    map.element,
    h("div", { class: "pair" }, field("Latitude", latitude), field("Longitude", longitude)),
    h("div", { class: "buttons" }, here, clear),
    fault,
  );
  if (point) show(point);
  return { element, map, set };

  function coordinate(name, example) {
    return h("input", { name, inputmode: "text", autocomplete: "off", placeholder: example, onchange: typed });
  }

  function set(exact) {
    const point = exact && { latitude: round(exact.latitude), longitude: round(exact.longitude) };
    show(point);
    onChange(point);
  }

  function show(point) {
    fill(fault);
    latitude.value = point ? String(point.latitude) : "";
    longitude.value = point ? String(point.longitude) : "";
    map.setMarker(point);
  }

  function typed() {
    const [north, east] = [latitude, longitude].map((input) => Number(input.value.trim().replace(",", ".") || NaN));
    if (latitude.value.trim() === "" && longitude.value.trim() === "") return set(null);
    if (Number.isNaN(north) || Number.isNaN(east)) return;
    if (Math.abs(north) > 90 || Math.abs(east) > 180) {
      fill(fault, "The latitude goes from -90 to 90, the longitude from -180 to 180.");
      return;
    }
    set({ latitude: north, longitude: east });
    map.showPoint({ latitude: north, longitude: east });
  }

  function useBrowser() {
    if (!navigator.geolocation) {
      fill(fault, "This browser does not know where it is.");
      return;
    }
    here.disabled = true;
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        here.disabled = false;
        const point = { latitude: coords.latitude, longitude: coords.longitude };
        set(point);
        map.showPoint(point);
      },
      (error) => {
        here.disabled = false;
        fill(fault, error.code === error.PERMISSION_DENIED ? "The browser may not say where it is." : "The browser can not say where it is.");
      },
      { timeout: 10_000, maximumAge: 60_000 },
    );
  }
}

/** Some ten metres are enough for a post. */
function round(degrees) {
  return Math.round(degrees * 10_000) / 10_000;
}
